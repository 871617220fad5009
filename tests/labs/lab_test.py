#!/usr/bin/env python3
"""Tests one lab: python3 lab_test.py NN-name --source DIR --build DIR --compiler "ccache g++"

- The starter compiles, and fails with a hint. The solution passes. Each typical wrong solution (NN-name/wrong) fails at the check
  that it names, with the hint that it names, before any other check fails.
- The commands of the handout run, and print what the handout shows. Both languages have the same commands.
- What lab.json lets predict can be measured.

--repeat COUNT runs the checks of the solution COUNT times; --busy COUNT does so beside busy loops.
"""
import argparse
import concurrent.futures
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("lab")
parser.add_argument("--source", type=Path, default=Path(__file__).resolve().parent.parent.parent)
parser.add_argument("--build", type=Path)
parser.add_argument("--compiler", default="g++")
parser.add_argument("--repeat", type=int, default=1)
parser.add_argument("--busy", type=int, default=0)
parser.add_argument("--fast", action="store_true", help="only the first three wrong solutions, and measure only what the handout measures")
parser.add_argument("--only", choices=["programs", "handout"], help="only one part")
OPTIONS = parser.parse_args()
SOURCE = OPTIONS.source.resolve()
BUILD = (OPTIONS.build or SOURCE / "build/dev").resolve()
sys.path.insert(0, str(SOURCE / "labs"))
sys.dont_write_bytecode = True

from lab_tool import catalogue, check  # noqa: E402
from lab_tool.sandbox import enter_network_namespace  # noqa: E402

LAB = catalogue.find_lab(OPTIONS.lab)
problems = []


def expect(condition, sentence, details=""):
    """Reports a sentence that must be true."""
    if not condition:
        problems.append(sentence)
        print(f"not true: {sentence}\n{details}", flush=True)


# Programs ------------------------------------------------------------------------------------------------------------

class Wrong:
    """A typical wrong solution: an edit of the solution (.edit), or a file of its own (.cpp) with the same first lines as comment."""

    def __init__(self, path):
        text = path.read_text()
        self.name = path.stem
        head = text.partition("<<<<")[0] if path.suffix == ".edit" else re.match(r"(//.*\n)+", text)[0]
        fields = dict(re.findall(r"^(?:// )?(file|fails|hint): (\S+)$", head, re.MULTILINE))
        missing = {"file", "fails", "hint"} - set(fields)
        if missing:
            raise SystemExit(f"{path}: the head has no line '{missing.pop()}: ...'")
        self.file, self.fails, self.hint = fields["file"], fields["fails"], fields["hint"]
        self.text = self._edited(path, text) if path.suffix == ".edit" else text

    def _edited(self, path, text):
        edited = solution_file(self.file).read_text()
        edits = re.findall(r"^<<<<\n(.*?)\n====\n(.*?)^>>>>$", text, re.MULTILINE | re.DOTALL)
        if not edits:
            raise SystemExit(f"{path} has no edit: <<<<, the old lines, ====, the new lines, >>>>")
        for old, new in edits:
            if edited.count(old) != 1:
                raise SystemExit(f"{path}: this occurs {edited.count(old)} times in the solution, not once:\n{old}")
            edited = edited.replace(old, new.removesuffix("\n"))
        return edited


def solution_file(name):
    """Returns a file of the solution: its own, or the starter's if the student does not change it."""
    for folder in (LAB.solution, LAB.folder / "start"):
        if (folder / name).exists():
            return folder / name
    raise SystemExit(f"lab {LAB.name}: neither labs/solutions nor the starter has {name}")


WRONG = [Wrong(path) for path in sorted((SOURCE / "tests/labs" / LAB.name / "wrong").glob("*.[ce][pd][pi]*"))]
HEADERS = {path.name for folder in (LAB.solution, LAB.folder / "start") if folder.exists() for path in folder.glob("*.hpp")}


def unit_of(name, texts):
    """Returns a translation unit as (its file, the texts that it consists of): programs with the same one share its object."""
    found, waiting = {}, [name]
    while waiting:
        file = waiting.pop()
        if file in texts and file not in found:
            found[file] = texts[file]
            waiting += re.findall(r'^#include "(.*)"', texts[file], re.MULTILINE)
    return name, tuple(sorted(found.items()))


def compile_unit(folder, unit):
    """Compiles a translation unit in a folder of its own. Returns the object, and the compiler's errors."""
    name, texts = unit
    folder.mkdir(parents=True)
    for file, text in texts:
        (folder / file).write_text(text)
    # In that folder, since no path of it may be in the object: so ccache finds it in the next run.
    compiler = [*OPTIONS.compiler.split(), "-std=c++20", "-O0", "-D_GLIBCXX_ASSERTIONS", "-I", SOURCE, "-I", "."]
    done = subprocess.run([*compiler, "-Wall", "-Wextra", "-c", name, "-o", f"{name}.o"], cwd=folder, capture_output=True, text=True)
    return folder / f"{name}.o", done.stderr


def link_program(folder, program, units):
    """Links a program of units that are compiled. Returns its path, and the errors of the compiler and of the linker."""
    folder.mkdir(parents=True)
    output = folder / program
    libraries = [BUILD / ("common" if library in ("parley_common", "parley_course") else library) / f"lib{library}.a" for library in LAB.libraries]
    gold = ["-fuse-ld=gold"] if shutil.which("ld.gold") else []
    objects, errors = [object for object, _ in units], "".join(errors for _, errors in units)
    if all(object.exists() for object in objects):
        errors += subprocess.run([OPTIONS.compiler.split()[-1], *gold, *objects, "-o", output, *libraries, "-lspdlog", "-lfmt", "-pthread"],
                                 capture_output=True, text=True).stderr
    return output, errors


def texts_of(program, find):
    return {name: find(name).read_text() for name in [*LAB.programs[program], *HEADERS]}


def run_checks_in_process(programs, first_failure):
    outcomes, _ = check.run_checks(LAB, programs, first_failure)
    return outcomes


def described(outcomes):
    return "\n".join(f"  {outcome.status:7} {outcome.id}: {outcome.got} [{outcome.hint}] done: {outcome.did} {outcome.survivors}" for outcome in outcomes)


def test_programs(scratch):
    def starter(name):
        return LAB.folder / "start" / name

    jobs = {}  # (candidate, program) -> texts
    for program in LAB.programs:
        jobs["starter", program] = texts_of(program, starter if all(starter(name).exists() for name in LAB.programs[program]) else solution_file)
        jobs["solution", program] = texts_of(program, solution_file)
    tried = WRONG[:3] if OPTIONS.fast else WRONG
    for wrong in tried:
        for program, files in LAB.programs.items():
            if wrong.file in files or wrong.file in HEADERS:
                jobs[wrong.name, program] = {**texts_of(program, solution_file), wrong.file: wrong.text}
    units = {job: [unit_of(name, texts) for name in LAB.programs[job[1]]] for job, texts in jobs.items()}
    distinct = list(dict.fromkeys(unit for of_job in units.values() for unit in of_job))
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as compilers:
        folders = [scratch / "units" / str(number) for number in range(len(distinct))]
        compiled = dict(zip(distinct, compilers.map(compile_unit, folders, distinct)))
        built = dict(zip(jobs, compilers.map(lambda job: link_program(scratch / "-".join(job), job[1], [compiled[unit] for unit in units[job]]), jobs)))
    for job, (path, errors) in built.items():
        expect(path.exists(), f"{' '.join(job)} compiles", errors)
        expect(not errors or not path.exists() or job[0] not in ("starter", "solution"), f"{' '.join(job)} compiles without a warning", errors)
    if problems:
        return

    def programs_of(candidate):
        return {program: built.get((candidate, program), built["solution", program])[0] for program in LAB.programs}

    # Each in a process of its own, since a check's sandbox belongs to its process. They mostly wait, so there are more than CPUs.
    with concurrent.futures.ProcessPoolExecutor(4, multiprocessing.get_context("fork")) as pool:
        runs = {candidate: pool.submit(run_checks_in_process, programs_of(candidate), candidate not in ("starter", "solution"))
                for candidate in ["starter", "solution", *(wrong.name for wrong in tried)]}
        outcomes = {candidate: run.result() for candidate, run in runs.items()}
    _, _, hints = LAB.load_checks()
    failed = [outcome for outcome in outcomes["starter"] if outcome.status == check.FAILED]
    expect(failed and outcomes["starter"][0].status == check.FAILED, "the starter fails its most important check", described(outcomes["starter"]))
    for outcome in failed:
        expect(outcome.hint in hints and outcome.got, f"the starter's failure of {outcome.id} has a hint", described([outcome]))
    expect(all(outcome.status == check.PASSED and not outcome.survivors for outcome in outcomes["solution"]),
           "the solution passes all checks, and leaves no process", described(outcomes["solution"]))
    expect(len(WRONG) >= 5, f"there are at least five wrong solutions (there are {len(WRONG)})")
    for wrong in tried:
        last = outcomes[wrong.name][-1]
        expect((last.status, last.id, last.hint) == (check.FAILED, wrong.fails, wrong.hint),
               f"the wrong solution {wrong.name} fails at {wrong.fails} with the hint {wrong.hint}", described(outcomes[wrong.name][-2:]))
    checks, measures, _ = LAB.load_checks()
    for id, hint in hints.items():
        expect(all(hint.get(part) for part in ("en", "zh", "read")), f"the hint {id} has both languages, and what to read")
    for function in checks:
        expect(function.check["hint"] in hints, f"the hint {function.check['hint']} of {function.check['id']} exists")
    expect({prediction["id"] for prediction in LAB.predictions} == set(measures), "each prediction has its measure")
    if OPTIONS.fast:
        return
    values = check.run_measures(LAB, programs_of("solution"))
    expect(all(value >= 0 for value in values.values()), "all predictions are measured", str(values))
    print(f"measured: {values}", flush=True)
    repeat(programs_of("solution"))


def repeat(programs):
    """Runs the solution again, beside busy loops."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(OPTIONS.busy)]
    try:
        for number in range(2, OPTIONS.repeat + 1):
            with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
                outcomes = pool.submit(run_checks_in_process, programs, False).result()
            expect(all(outcome.status == check.PASSED for outcome in outcomes), f"the solution passes in run {number}", described(outcomes))
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


# Handouts ------------------------------------------------------------------------------------------------------------

def blocks_of(document):
    """Returns the console blocks as (marks, [(command, expected output)]).

    A mark is a comment before the block: <!-- test: solution --> puts the solution into the student's folder first,
    <!-- test: status 1 --> is the status that the block's last command must have, <!-- test: not run: REASON -->.
    """
    text, blocks = document.read_text(), []
    for marks, kind, body in re.findall(r"((?:<!-- test: .*? -->\n)*)^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if kind in ("sh", "bash", "shell", ""):
            expect(False, f"each command of {document.name} stands in a block ```console, so that it is tested (```text is for others)", body)
        if kind != "console":
            continue
        commands = []
        for line in body.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            elif commands and line.startswith("> "):
                commands[-1] = (commands[-1][0] + "\n" + line[2:], commands[-1][1])
            elif commands:
                commands[-1][1].append(line)
        blocks.append((re.findall(r"<!-- test: (.*?) -->", marks), commands))
    return blocks


def matches(expected, output):
    """True if the expected lines come in this order. `...` in a line stands for any text, and as a line for any lines."""
    lines, position = output.splitlines(), 0
    for line in expected:
        if line.strip() in ("...", ""):
            continue
        pattern = re.compile(".*".join(map(re.escape, line.rstrip().split("..."))))
        while position < len(lines) and not pattern.fullmatch(lines[position].rstrip()):
            position += 1
        if position == len(lines):
            return False
        position += 1
    return True


class Shell:
    """A bash that runs a block at a time, so that folders, variables and background processes last."""

    def __init__(self, folder):
        self.folder = folder
        environment = {"PATH": f"{BUILD}/bin:{os.environ['PATH']}", "HOME": str(folder / "home"), "LANG": "C.UTF-8", "PARLEY": str(BUILD), "TERM": "dumb"}
        self.process = subprocess.Popen(["bash", "--noprofile", "--norc"], cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def run(self, command):
        """Returns the status and the output of a command."""
        mark = "-- end of the command --"
        self.process.stdin.write(f"{command}\necho \"{mark} $?\"\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            before, found, status = line.partition(mark)
            if found:
                return int(status), "".join(lines) + before
            lines.append(line)
        return None, "".join(lines)

    def end(self):
        self.process.stdin.close()
        os.killpg(self.process.pid, 9)
        self.process.wait()


def test_handouts(scratch):
    english, chinese = blocks_of(LAB.handout("en")), blocks_of(LAB.handout("zh"))
    expect([[command for command, _ in commands] for _, commands in english] == [[command for command, _ in commands] for _, commands in chinese],
           "both languages have the same commands, in the same order")
    expect([marks for marks, _ in english] == [marks for marks, _ in chinese], "both languages have the same marks for the test")
    expect(english, "the handout has commands")
    home = scratch / "home"
    home.mkdir()
    (scratch / "scripts").symlink_to(SOURCE / "scripts")
    for folder in ("server", "client", "common", "labs", "build"):
        (scratch / folder).symlink_to(SOURCE / folder)
    shell = Shell(scratch)
    student = home / f"lab{LAB.number}"
    for marks, commands in english:
        wanted = 0
        if any(mark.startswith("not run: ") for mark in marks):
            continue
        for mark in marks:
            if mark == "solution":
                for path in LAB.solution.iterdir():
                    shutil.copyfile(path, student / path.name)
            elif mark.startswith("status "):
                wanted = int(mark.split()[1])
            else:
                expect(False, f"the mark '{mark}' of the handout is known")
        for number, (command, expected) in enumerate(commands):
            status, output = shell.run(command)
            last = number == len(commands) - 1
            expect(status == (wanted if last else 0), f"'{command}' of the handout ends with status {wanted if last else 0}", f"status {status}\n{output}")
            expect(matches(expected, output), f"'{command}' of the handout prints what the handout shows",
                   "expected:\n" + "\n".join(expected) + f"\nprinted:\n{output}")
            if status is None:
                return
    shell.end()


def main():
    with tempfile.TemporaryDirectory(prefix="parley-labs-test-") as folder:
        scratch = Path(folder)
        if OPTIONS.only != "handout":
            test_programs(scratch / "programs")
        if OPTIONS.only != "programs":
            if enter_network_namespace():
                (scratch / "handout").mkdir()
                test_handouts(scratch / "handout")
            else:
                print("the handout's commands were not run: no network namespace here")
    print("\n".join(f"FAILED: {problem}" for problem in problems) or f"{LAB.name}: all true; {len(WRONG)} wrong solutions")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
