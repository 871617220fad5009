"""Builds a student's folder by CMake, with limits of time and output."""

import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass

from .catalogue import UsageError

TIME_LIMIT = 180  # seconds for all programs of a lab


@dataclass(frozen=True)
class Built:
    """The programs of a lab by name, or the compiler's errors."""

    programs: dict
    errors: str = ""


def _run(words):
    """Runs a tool in a session of its own. Returns its status and its output; all ends after the time limit."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                                   start_new_session=True, preexec_fn=limit)
        try:
            status = process.wait(TIME_LIMIT)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        output.seek(0)
        text = output.read(1 << 20)
    return (status, text) if status is not None else (1, f"{text}\nthe build took longer than {TIME_LIMIT} s, and was ended")


def _relevant(output):
    """Returns the compiler's part of the output of a build: from the first error on, without the build tool's own lines."""
    lines = [line for line in output.splitlines() if not re.match(r"\[\d+/\d+\]|ninja: |gmake|make|FAILED: |/usr/bin/\S+ .* -c |--", line)]
    first = next((i for i, line in enumerate(lines) if re.search(r"error|Error", line)), 0)
    return "\n".join(lines[max(0, first - 1):][:60])


def build(lab, folder, parley, build_folder=None):
    """Builds all programs of a lab in a folder with sources and a CMakeLists.txt."""
    if not (folder / "CMakeLists.txt").is_file():
        raise UsageError(f"{folder} has no CMakeLists.txt: it is not a folder made by 'scripts/lab start {lab.number}'")
    if not shutil.which("cmake"):
        raise UsageError("cmake is not installed; on Debian: apt-get install cmake ninja-build g++")
    build_folder = build_folder or folder / "build"
    generator = ["-G", "Ninja"] if shutil.which("ninja") and not (build_folder / "CMakeCache.txt").exists() else []
    for words in (["cmake", "-S", folder, "-B", build_folder, *generator, f"-Dparley_ROOT={parley}"], ["cmake", "--build", build_folder]):
        status, output = _run(words)
        if status != 0:
            return Built({}, _relevant(output))
    programs = {program: build_folder / program for program in lab.programs}
    missing = [program for program, path in programs.items() if not path.is_file()]
    if missing:
        return Built({}, f"the build makes no {' and no '.join(missing)}: CMakeLists.txt must have an add_executable() for each program")
    return Built(programs)
