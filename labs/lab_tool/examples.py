"""`scripts/lab example`: builds and runs the short programs of labs/examples."""

import os
import re
import subprocess
import sys

from .catalogue import LABS, UsageError
from .parley import find_parley, build_targets


def _examples():
    return {path.stem: path for path in sorted((LABS / "examples").glob("*.cpp"))}


def _summary(path):
    """Returns the first sentence of the card."""
    card = re.match(r"((?://.*\n)+)", path.read_text())
    text = " ".join(line.lstrip("/ ") for line in card[1].splitlines()) if card else ""
    return re.split(r"(?<=[.:])\s", text)[0]


def run_command(options):
    examples = _examples()
    if options.list or not options.name:
        for name, path in examples.items():
            print(f"{name:28} {_summary(path)}")
        return 0
    if options.name not in examples:
        raise UsageError(f"there is no example '{options.name}'; scripts/lab example --list names all")
    parley = find_parley(options.parley)
    if not (parley / "CMakeCache.txt").is_file():
        raise UsageError(f"{parley} is an installation; examples are built in a build folder: cmake --preset dev")
    target = f"example_{options.name}"
    build_targets(parley, target)
    program = parley / "bin" / target
    sys.stdout.flush()
    return subprocess.run([program, *options.arguments], env={**os.environ, "PARLEY_BIN": str(parley / "bin")}).returncode
