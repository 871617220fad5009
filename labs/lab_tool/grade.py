"""`scripts/lab grade`: checks many submissions side by side, each in a process of its own, and writes the marks."""

import csv
import io
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from .catalogue import ROOT, UsageError, LABS
from .parley import find_parley
from .sandbox import PR_SET_CHILD_SUBREAPER, _prctl, kill_descendants
from . import scorecard

SUBMISSION_LIMIT = 600  # seconds for one submission, build included
SOURCES = {".cpp", ".hpp", ".h", ".cc", ".json"}
MAX_SOURCE = 1 << 20
COLUMNS = ["submission", "points", "max_points", "passed", "failed", "not_run", "builds", "survivors", "predictions_inside",
           "prediction_score", "seconds", "failed_checks", "note"]


class Grading:
    """One submission that is being checked by `scripts/lab check`."""

    def __init__(self, lab, submission, folder, parley):
        self.name, self.folder, self.begin = submission.name, folder, time.monotonic()
        # The starter's CMakeLists.txt, not the student's: building is the one step outside the sandbox, and CMake runs commands.
        work = folder / "work"
        work.mkdir()
        shutil.copyfile(lab.folder / "start/CMakeLists.txt", work / "CMakeLists.txt")
        for source in sorted(submission.iterdir()):
            is_plain = source.is_file() and not source.is_symlink() and source.stat().st_size <= MAX_SOURCE
            if is_plain and source.suffix in SOURCES and source.name != "measurements.json":
                shutil.copyfile(source, work / source.name)
        self.result_file = folder / "result.json"
        with open(folder / "log", "wb") as log:
            self.process = subprocess.Popen([sys.executable, ROOT / "scripts/lab", "check", str(lab.number), work, "--parley", parley, "--json",
                                             self.result_file], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.descriptor = os.pidfd_open(self.process.pid)

    def finish(self, lab):
        """Returns the result, as scorecard.as_dict() makes it."""
        note = ""
        if self.process.poll() is None:
            note = f"ended after {SUBMISSION_LIMIT} s"
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        os.close(self.descriptor)
        try:
            result = json.loads(self.result_file.read_text())
        except (FileNotFoundError, ValueError):
            log = (self.folder / "log").read_text(errors="replace").strip().splitlines()
            note = note or (log[-1] if log else "no result")
            checks, _, _ = lab.load_checks()
            result = {"lab": lab.number, "name": lab.name, "points": 0, "max_points": sum(function.check["points"] for function in checks),
                      "builds": False, "build_errors": note, "measured": {}, "predictions": [], "survivors": [],
                      "checks": [{"id": function.check["id"], "name": function.check["sentence"], "status": scorecard.NOT_RUN, "got": note,
                                  "points": function.check["points"], "did": "", "means": "", "read": "", "hint": "", "survivors": [],
                                  "seconds": 0} for function in checks]}
        result["note"], result["seconds"] = note, round(time.monotonic() - self.begin, 1)
        return result


def grade(lab, submissions, parley, jobs, progress=lambda text: None):
    """Checks submissions (folders), at most `jobs` at the same time. Returns [(name, result)] in their order."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    results, running, waiting = {}, [], list(submissions)
    with tempfile.TemporaryDirectory(prefix="parley-grade-") as temporary:
        try:
            while waiting or running:
                while waiting and len(running) < jobs:
                    submission = waiting.pop(0)
                    folder = Path(temporary) / f"{len(results) + len(running)}-{time.monotonic_ns()}"
                    folder.mkdir()
                    running.append(Grading(lab, submission, folder, parley))
                left = min(grading.begin + SUBMISSION_LIMIT for grading in running) - time.monotonic()
                ended = select.select([grading.descriptor for grading in running], [], [], max(0.0, left))[0]
                for grading in list(running):
                    if grading.descriptor in ended or time.monotonic() - grading.begin >= SUBMISSION_LIMIT:
                        running.remove(grading)
                        results[grading.name] = grading.finish(lab)
                        # A check process that was killed could not end its programs: they are our children now.
                        kill_descendants(spare=[other.process.pid for other in running])
                        shutil.rmtree(grading.folder, ignore_errors=True)
                        progress(f"{grading.name}: {results[grading.name]['points']:g} of {results[grading.name]['max_points']:g}")
        finally:
            kill_descendants()
    return [(submission.name, results[submission.name]) for submission in submissions]


def row_of(name, result):
    by_status = {status: [check["id"] for check in result["checks"] if check["status"] == status]
                 for status in (scorecard.PASSED, scorecard.FAILED, scorecard.NOT_RUN)}
    scores = [prediction["score"] for prediction in result["predictions"]]
    return [name, f"{result['points']:g}", f"{result['max_points']:g}", *(len(ids) for ids in by_status.values()),
            "yes" if result["builds"] else "no", len(result["survivors"]), sum(prediction["inside"] for prediction in result["predictions"]),
            round(sum(scores), 2) if scores else "", result["seconds"], " ".join(by_status[scorecard.FAILED]), result["note"]]


def write_csv(results, path):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for name, result in results:
        # A spreadsheet would carry out a cell that begins so.
        writer.writerow("'" + cell if isinstance(cell, str) and cell[:1] in "=+-@\t" else cell for cell in row_of(name, result))
    scorecard.write_file(path, text.getvalue())


SETUP = """\
#!/bin/bash
# Runs once, when Gradescope builds the image: installs packages, and builds parley's libraries.
set -euo pipefail
cd /autograder/source/parley
apt-get update
DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends install {packages}
cmake --preset dev -DPARLEY_TESTS=OFF
cmake --build build/dev --target {targets}
"""

RUN = """\
#!/bin/bash
# Runs for each submission.
set -uo pipefail
work=$(mktemp -d)
cp -r /autograder/submission/. "$work"
rm -rf "$work/build" "$work/measurements.json"
cp /autograder/source/parley/labs/{name}/start/CMakeLists.txt "$work"
mkdir -p /autograder/results
/autograder/source/parley/scripts/lab check {number} "$work" --gradescope /autograder/results/results.json
status=$?
if [[ ! -s /autograder/results/results.json ]]; then
  echo '{{"score": 0, "output": "the check itself failed; tell your teacher"}}' >/autograder/results/results.json
fi
[[ $status -le 1 ]]
"""


def _packages():
    """Returns the packages that parley is built with, as scripts/setup lists them."""
    lines = (ROOT / "scripts/setup").read_text().partition("packages=(")[2].partition("\n)")[0].splitlines()
    words = " ".join(line.partition("#")[0] for line in lines).split()
    return [word for word in words if word not in ("libjs-chart.js", "python3-jsonschema", "socat", "netcat-openbsd", "iproute2")]


def write_gradescope_zip(lab, path):
    """Writes an autograder: setup.sh, run_autograder, and parley's source without solutions and tests."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True)
    if listed.returncode != 0:
        raise UsageError(f"{ROOT} is no git repository of parley; its files are taken from there")
    files = [name for name in listed.stdout.split("\0") if name and not name.startswith(("tests/", "labs/solutions/", ".ci/", ".github/"))]
    files += [str(file.relative_to(ROOT)) for folder in ("labs/lab_tool", f"labs/{lab.name}") for file in (ROOT / folder).rglob("*")
              if file.is_file() and "__pycache__" not in file.parts and str(file.relative_to(ROOT)) not in files]
    descriptor, temporary = tempfile.mkstemp(dir=Path(path).resolve().parent)
    os.close(descriptor)
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        def add(name, text, mode):
            entry = zipfile.ZipInfo(name, time.localtime()[:6])
            entry.external_attr, entry.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)

        add("setup.sh", SETUP.format(packages=" ".join(_packages()), targets=" ".join(lab.libraries)), 0o100755)
        add("run_autograder", RUN.format(number=lab.number, name=lab.name), 0o100755)
        for name in sorted(set(files)):
            if (ROOT / name).is_file():
                add(f"parley/{name}", (ROOT / name).read_bytes(), 0o100755 if os.access(ROOT / name, os.X_OK) else 0o100644)
    os.chmod(temporary, 0o644)
    os.replace(temporary, path)


def run_command(lab, options):
    if options.gradescope:
        write_gradescope_zip(lab, options.gradescope)
        print(f"{options.gradescope}: upload it as the autograder; choose an image with cmake 3.25 or later (Debian 12, Ubuntu 24.04)")
        if not options.submissions:
            return 0
    if not options.submissions:
        raise UsageError("name the folder of submissions (each is a folder in it), or --gradescope ZIP")
    folder = Path(options.submissions)
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}")
    submissions = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not submissions:
        raise UsageError(f"{folder} has no folders: a submission is a folder with the student's files")
    jobs = options.jobs or len(os.sched_getaffinity(0))
    results = grade(lab, submissions, find_parley(options.parley), jobs, lambda text: print(text, flush=True))
    if options.csv:
        write_csv(results, options.csv)
    if options.junit:
        scorecard.write_junit(results, options.junit)
    full = sum(result["points"] == result["max_points"] for _, result in results)
    survivors = sum(len(result["survivors"]) for _, result in results)
    print(f"{len(results)} submissions: {full} pass all checks; {survivors} processes had to be killed" + (f"; {options.csv}" if options.csv else ""))
    return 0
