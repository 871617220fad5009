#!/usr/bin/env python3
"""Mutation test of parley-check: mutants_test.py BIN_FOLDER [NAME ...]

Right servers (tests/mutants/right) must fail no check. Each mutant (tests/mutants/NAME.edit) is a right server with one fault, and
must fail at the check that it names, told first. By default only that check is run for a mutant; --all runs all checks of its level,
and --matrix FILE then writes which checks have found which fault.
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "mutants"


def value_of(text, key):
    """Returns the value of a line "key: value" of the head, or an empty string."""
    found = re.search(rf"(?:^|[. ]){key}: ([^\n]+)", text.partition("<<<<")[0], re.MULTILINE)
    return found[1].strip() if found else ""


@dataclass
class Candidate:
    """A server to be examined."""

    name: str
    source: str
    options: list
    fails: str = ""  # the check that must fail; empty: a right server
    kind: str = ""
    fault: str = ""  # in one sentence
    failed: list = field(default_factory=list)  # filled by examine()
    problem: str = ""


def edited(path, text, source):
    edits = re.findall(r"^<<<<\n(.*?)^====\n(.*?)^>>>>$", text, re.MULTILINE | re.DOTALL)
    if not edits:
        raise SystemExit(f"{path} has no edit")
    for old, new in edits:
        if source.count(old) != 1:
            raise SystemExit(f"{path}: this occurs {source.count(old)} times in its base, not once:\n{old}")
        source = source.replace(old, new)
    return source


def candidates():
    right = {path.name: path.read_text() for path in sorted((FOLDER / "right").iterdir())}
    for name, source in right.items():
        first_lines = source[:400]
        yield Candidate(name.partition(".")[0], source, ["--profile", value_of(first_lines, "profile") or "echo", *value_of(first_lines, "options").split()])
    for path in sorted(FOLDER.glob("*.edit")):
        text = path.read_text()
        base = right[value_of(text, "base")]
        options = (value_of(text, "options") or value_of(base[:400], "options")).split()
        yield Candidate(path.stem, edited(path, text, base), ["--profile", value_of(base[:400], "profile") or "echo", *options],
                        value_of(text, "fails"), value_of(text, "kind"), text.splitlines()[0])


def examine(candidate, check, folder, runs_all):
    """Builds and examines a server, and notes what failed."""
    source, program, report = (folder / f"{candidate.name}{end}" for end in (".c", "", ".json"))
    source.write_text(candidate.source)
    built = subprocess.run(["gcc", "-O1", "-w", "-pthread", "-o", program, source], capture_output=True, text=True)
    if built.returncode != 0:
        candidate.problem = f"does not build: {built.stderr.splitlines()[0]}"
        return candidate
    options = list(candidate.options)
    if "--only" not in options and "--level" not in options:
        options += ["--only", candidate.fails] if candidate.fails and not runs_all else ["--level", "quick"]
    try:
        done = subprocess.run([check, *options, "--json", report, "--", program, "{port}"], capture_output=True, text=True, timeout=300)
        checks = json.loads(report.read_text())["checks"]
    except (subprocess.TimeoutExpired, FileNotFoundError) as error:
        candidate.problem = f"{type(error).__name__}: {done.stderr if isinstance(error, FileNotFoundError) else ''}"
        return candidate
    failures = [result for result in checks if result["result"] == "failed"]
    candidate.failed = [result["id"] for result in failures]
    told_first = [result["id"] for result in failures if not result["told_with"]]
    if not candidate.fails and failures:
        candidate.problem = "a right server is accused: " + "; ".join(f"{result['id']}: {result['text']}" for result in failures)
    if candidate.fails and candidate.fails not in told_first:
        others = {result["id"]: result["result"] for result in checks}
        candidate.problem = f"{candidate.fails} should fail, and it {others.get(candidate.fails, 'is no check')}; told first: {told_first}"
    return candidate


def matrix(found):
    """Returns the table of faults and checks, as Markdown."""
    lines = ["# What parley-check finds", "", "Made by `tests/check/mutants_test.py BIN_FOLDER --all --matrix FILE`. `kind` is the number of the fault in a list of what",
             "courses teach.", "", "| server | kind | fault | found by | fails too |", "|---|---|---|---|---|"]
    for candidate in found:
        also = ", ".join(check for check in candidate.failed if check != candidate.fails) or "-"
        lines.append(f"| {candidate.name} | {candidate.kind or '-'} | {candidate.fault or 'none: a right server'} | {candidate.fails or '-'} | {also} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin", type=Path)
    parser.add_argument("names", nargs="*", help="only these servers")
    parser.add_argument("--all", action="store_true", help="run all checks of the level for each mutant, too")
    parser.add_argument("--matrix", type=Path, help="write the table of faults and checks to this file")
    options = parser.parse_args()
    wanted = [candidate for candidate in candidates() if not options.names or candidate.name in options.names]
    if not wanted:
        parser.error("there is no such server in tests/mutants")
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as runners:
        found = list(runners.map(lambda candidate: examine(candidate, options.bin.resolve() / "parley-check", Path(folder), options.all), wanted))
    if options.matrix:
        options.matrix.write_text(matrix(found))
    problems = [candidate for candidate in found if candidate.problem]
    for candidate in problems:
        print(f"FAILED {candidate.name}: {candidate.problem}")
    print(f"{len(found) - len(problems)} servers as they should be, {len(problems)} not")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
