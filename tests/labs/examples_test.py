#!/usr/bin/env python3
"""Runs the examples of the labs and compares what they print with their stories: examples_test.py BIN_FOLDER [NAME ...]

Each file of labs/examples has a story in a table stories_*.py here, and each story has an example. An example must also end
within 30 s, with the exit status of its story, and leave nothing behind: no process, and no file in its TMPDIR. Each has a
row in labs/examples/README.md, and a card that says the Python, what to look at, and where to go on.
"""
import concurrent.futures
import glob
import importlib
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
EXAMPLES = HERE.parent.parent / "labs" / "examples"
TIME_LIMIT = 30  # seconds; an example takes at most 2, but the machine may be busy

sys.path.insert(0, str(HERE))
from stories import in_any_order, maybe, problem_of  # noqa: E402

STORIES = [story for table in sorted(HERE.glob("stories_*.py")) for story in importlib.import_module(table.stem).STORIES]


def processes_of(folder):
    """Returns the PIDs of the processes that have inherited this TMPDIR. Zombies have no environment any more."""
    mark = b"TMPDIR=" + os.fsencode(folder) + b"\0"
    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        try:
            if mark in pathlib.Path(path).read_bytes() + b"\0":
                found.append(int(path.split("/")[2]))
        except OSError:  # the process has ended, or belongs to another user
            pass
    return found


def leftovers(folder):
    """Returns what an example has left behind, or None. A child that dies with its parent may take a moment."""
    deadline = time.monotonic() + 10
    while processes_of(folder):
        if time.monotonic() > deadline:
            return f"left behind the processes {processes_of(folder)}"
        time.sleep(0.02)
    files = os.listdir(folder)
    return f"left behind in TMPDIR: {', '.join(files)}" if files else None


def kill_all(folder):
    """A process may start another one at the same moment. So look again until there is none."""
    while left := processes_of(folder):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


def run(program, story):
    """Returns the problems of one run."""
    if not program.exists():
        return [f"{program} is not built: cmake --build BUILD --target examples"]
    with tempfile.TemporaryDirectory(prefix="examples-test-") as folder, tempfile.TemporaryFile() as output, \
            tempfile.TemporaryFile() as errors:
        environment = {name: value for name, value in os.environ.items() if name != "GREETING"}
        child = subprocess.Popen([program, *story.arguments], stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                                 env=environment | {"TMPDIR": folder, "LC_ALL": "C"}, start_new_session=True)
        try:
            status = child.wait(TIME_LIMIT)
            problems = []
        except subprocess.TimeoutExpired:
            kill_all(folder)
            status = child.wait()
            problems = [f"did not end within {TIME_LIMIT} s"]
        left = leftovers(folder)
        kill_all(folder)
        output.seek(0), errors.seek(0)
        lines, error_lines = (file.read().decode(errors="replace").splitlines() for file in (output, errors))
    if not problems:
        if status != story.status:
            problems.append(f"exit status: expected {story.status}; got {status}")
        for stream, expected, came in (("output", story.lines, lines), ("standard error", story.errors, error_lines)):
            if problem := problem_of(expected, came):
                problems.append(f"{stream}, {problem}")
        if not problems and story.check and (problem := story.check(lines)):
            problems.append(problem)
        if left:
            problems.append(left)
    if problems:
        problems.append("\n".join(["printed:", *("    " + line for line in lines + error_lines)]))
    return problems


def documentation_problems(names):
    """The card of each example, and the table of all of them."""
    rows = (EXAMPLES / "README.md").read_text()
    for name in names:
        text = (EXAMPLES / f"{name}.cpp").read_text()
        card = text[:text.index("#include")]
        for label in ("Python ", "look at ", "afterwards "):
            if not re.search(rf"^//   {label}", card, re.MULTILINE):
                yield f"{name}: its card has no line '{label.strip()}'"
        if f"({name}.cpp)" not in rows:
            yield f"{name}: labs/examples/README.md has no row for it"


def matcher_problems():
    """The comparison itself must not accept what it should refuse."""
    pair = in_any_order(["a", "b"], "c")
    for expected, lines, is_equal in (
            (["a", "b"], ["a", "b"], True), (["a", "b"], ["b", "a"], False), (["a"], ["a", "a"], False), (["a"], [], False),
            ([pair, "d"], ["a", "c", "b", "d"], True), ([pair, "d"], ["b", "a", "c", "d"], False), ([pair], ["a", "c"], False),
            ([in_any_order(["a", maybe("b")])], ["a"], True), ([maybe("a"), "b"], ["b"], True), ([maybe("a")], ["b"], False),
            ([in_any_order(["w", "a"], ["w", "b"])], ["w", "b", "w", "a"], True),
            ([in_any_order(["w", "a"], ["w", "b"])], ["w", "b", "a", "w"], False),
            ([r"(?P<pid>\d)", r"x(?P=pid)"], ["1", "x1"], True), ([r"(?P<pid>\d)", r"x(?P=pid)"], ["1", "x2"], False)):
        if (problem_of(expected, lines) is None) != is_equal:
            yield f"stories.py: the comparison of {expected} with {lines} is wrong"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__.splitlines()[0])
    folder, wanted = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    examples, told = {path.stem for path in EXAMPLES.glob("*.cpp")}, {story.example for story in STORIES}
    problems = list(matcher_problems()) + list(documentation_problems(sorted(examples)))
    problems += [f"{name}: the example has no story in {HERE.name}/stories_*.py" for name in sorted(examples - told)]
    problems += [f"{name}: the story has no example" for name in sorted(told - examples)]
    problems += [f"{name}: there is no such example" for name in sorted(set(wanted) - examples)]
    chosen = [story for story in STORIES if story.example in examples and (not wanted or story.example in wanted)]
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        runs = pool.map(lambda story: run(folder / f"example_{story.example}", story), chosen)
        for story, found in zip(chosen, runs):
            problems += [f"{' '.join([story.example, *story.arguments])}: {problem}" for problem in found]
    print("\n".join(problems + [f"{len(chosen)} stories, {len(problems)} problems"]))
    sys.exit(1 if problems else 0)


main()
