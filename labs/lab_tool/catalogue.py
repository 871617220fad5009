"""The labs: labs/NN-name/lab.json and the files next to it. `scripts/lab list`."""

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from . import hints

ROOT = Path(__file__).resolve().parent.parent.parent  # parley, or a repository made by `scripts/lab export`
LABS = ROOT / "labs"


class UsageError(Exception):
    """The command line, or what it names, is wrong: one line that says what, why and what to do."""


@dataclass(frozen=True)
class LabFolder:
    """A lab of the repository."""

    folder: Path
    number: int
    name: str
    title: dict  # "en", "zh"
    programs: dict  # program -> its source files
    predictions: list  # dicts: id, question, unit, scale, measured
    libraries: list  # of parley, which the programs are linked with
    limits: dict  # overrides of sandbox.Limits

    @property
    def solution(self):
        return LABS / "solutions" / self.name

    def handout(self, language):
        return self.folder / ("README.zh-CN.md" if language == "zh" else "README.md")

    def load_checks(self):
        """Imports checks/checks.py. Returns its checks and its measures, in the order of the file, and its hints."""
        path = self.folder / "checks" / "checks.py"
        spec = importlib.util.spec_from_file_location(f"checks_of_lab_{self.number}", path)
        module = importlib.util.module_from_spec(spec)
        before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        spec.loader.exec_module(module)
        sys.dont_write_bytecode = before
        functions = [value for value in vars(module).values() if callable(value)]
        checks = [function for function in functions if hasattr(function, "check")]
        measures = {function.measure["id"]: function for function in functions if hasattr(function, "measure")}
        return checks, measures, {**hints.HINTS, **module.HINTS}


def all_labs():
    labs = []
    for path in sorted(LABS.glob("[0-9][0-9]-*/lab.json")):
        fields = json.loads(path.read_text())
        labs.append(LabFolder(path.parent, fields["number"], path.parent.name, fields["title"], fields["programs"],
                              fields.get("predictions", []), fields.get("libraries", ["parley_common"]), fields.get("limits", {})))
    return labs


def find_lab(text):
    """Returns the lab of a number ("2", "02") or a name ("02-sockets", "sockets")."""
    labs = all_labs()
    for lab in labs:
        if text in (lab.name, lab.name.partition("-")[2]) or (text.isdigit() and int(text) == lab.number):
            return lab
    raise UsageError(f"there is no lab '{text}'; there are {', '.join(lab.name for lab in labs)}")


def find_labs(text):
    """Returns the labs of a list of numbers and ranges: "1-6,8"."""
    found, existing = [], {lab.number: lab for lab in all_labs()}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise UsageError(f"'{text}' is no list of labs; write numbers and ranges, as 1-6,8")
        for number in range(int(first), int(last or first) + 1):
            if number not in existing:
                raise UsageError(f"there is no lab {number}; there are {', '.join(map(str, existing))}")
            found.append(existing[number])
    return found


def print_list():
    for lab in all_labs():
        print(f"{lab.number:2}  {lab.name:22} {lab.title['en']}")
