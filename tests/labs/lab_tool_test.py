#!/usr/bin/env python3
"""Tests scripts/lab itself, with lab 2: python3 lab_tool_test.py --source DIR --build DIR

Commands, their errors and their files; the sandbox under programs that hang, fork, fill the disk and leave daemons; grading of
three submissions, of which one hangs and one leaves a daemon.
"""
import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
import zipfile
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--source", type=Path, default=Path(__file__).resolve().parent.parent.parent)
parser.add_argument("--build", type=Path)
OPTIONS, REST = parser.parse_known_args()
SOURCE = OPTIONS.source.resolve()
BUILD = (OPTIONS.build or SOURCE / "build/dev").resolve()
sys.path.insert(0, str(SOURCE / "labs"))
sys.dont_write_bytecode = True

from lab_tool import catalogue, check, handout, predictions, proc  # noqa: E402
from lab_tool.checking import Failed, Lab  # noqa: E402
from lab_tool.sandbox import Limits, Sandbox  # noqa: E402

SOLUTION = SOURCE / "labs/solutions/02-sockets"


def lab(*arguments, input=None, tool=SOURCE / "scripts/lab", cwd=None, environment=None):
    return subprocess.run([tool, *map(str, arguments)], input=input, capture_output=True, text=True, cwd=cwd,
                          env={**os.environ, "PARLEY": str(BUILD), **(environment or {})})


class Scratch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="parley-lab-tool-")
        self.addCleanup(folder.cleanup)
        self.scratch = Path(folder.name)

    def start(self, name="lab2"):
        folder = self.scratch / name
        self.assertEqual(lab("start", 2, folder).returncode, 0)
        return folder

    def assert_refused(self, done, *parts):
        """One line on standard error names what is wrong; status 2."""
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)


class Commands(Scratch):
    def test_list_and_help_name_the_labs_and_commands(self):
        self.assertIn("02-sockets", lab("list").stdout)
        for command in ("list", "example", "start", "check", "predict", "handout", "export", "grade"):
            self.assertIn(command, lab("--help").stdout)
            self.assertEqual(lab(command, "--help").returncode, 0)

    def test_a_lab_that_does_not_exist_is_refused(self):
        self.assert_refused(lab("start", 77), "no lab '77'", "02-sockets")

    def test_start_never_overwrites(self):
        folder = self.start()
        (folder / "welcome_server.cpp").write_text("mine")
        self.assert_refused(lab("start", 2, folder), "exists already")
        self.assertEqual((folder / "welcome_server.cpp").read_text(), "mine")

    def test_a_parley_that_is_not_there_is_refused(self):
        self.assert_refused(lab("start", 2, self.scratch / "x", "--parley", self.scratch), "no parley in")

    def test_a_lab_builds_with_an_installed_parley(self):
        subprocess.run(["cmake", "--install", BUILD, "--component", "development", "--prefix", self.scratch / "usr"], check=True, capture_output=True)
        installed = {"PARLEY": str(self.scratch / "usr")}
        self.assertEqual(lab("start", 2, self.scratch / "lab2", environment=installed).returncode, 0)
        self.assertIn(str(self.scratch / "usr"), (self.scratch / "lab2/CMakeLists.txt").read_text())
        done = lab("check", 2, self.scratch / "lab2", environment=installed)
        self.assertIn("1 of 25 points", done.stdout, done.stderr)

    def test_check_without_a_folder_says_how_to_make_one(self):
        self.assert_refused(lab("check", 2, cwd=self.scratch), "scripts/lab check 2 DIR")
        self.assert_refused(lab("check", 2, self.scratch / "none"), "scripts/lab start 2")

    def test_a_program_that_does_not_compile_shows_the_compilers_error(self):
        folder = self.start()
        (folder / "welcome_server.cpp").write_text("int main() { return nothing; }\n")
        done = lab("check", 2, folder, "--gradescope", self.scratch / "results.json")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, "error: .nothing. was not declared")
        self.assertIn("0 of 25 points", done.stdout)
        results = json.loads((self.scratch / "results.json").read_text())
        self.assertEqual(results["score"], 0)
        self.assertRegex(results["output"], "error: .nothing. was not declared")

    def test_check_writes_json_junit_and_results_of_gradescope(self):
        folder = self.start()
        files = {kind: self.scratch / kind for kind in ("json", "junit", "gradescope")}
        done = lab("check", 2, folder, *(word for kind, path in files.items() for word in (f"--{kind}", path)))
        self.assertEqual(done.returncode, 1)
        result = json.loads(files["json"].read_text())
        self.assertEqual(result["checks"][0]["status"], "failed")
        self.assertTrue(result["checks"][0]["means"])
        suite = xml.parse(files["junit"]).getroot()[0]
        self.assertEqual(int(suite.get("tests")), len(result["checks"]))
        self.assertEqual(int(suite.get("failures")), len(suite.findall("testcase/failure")))
        tests = json.loads(files["gradescope"].read_text())["tests"]
        self.assertEqual(sum(test["max_score"] for test in tests), result["max_points"])
        self.assertEqual(sum(test["score"] for test in tests), result["points"])
        self.assertEqual({test["status"] for test in tests}, {"passed", "failed"})

    def test_a_handout_is_printed_without_marks_of_markdown(self):
        for options, words in (([], "What you learn"), (["--zh"], "你将学到什么")):
            text = lab("handout", 2, *options).stdout
            self.assertIn(words, text)
            for mark in ("```", "<!--", "**", "## "):
                self.assertNotIn(mark, text)
        self.assertEqual(handout.as_text("# A\n**b** [c](d) `e`\n```sh\n*f*\n```\n", str.upper), "A\nB c e\n    *f*\n")

    def test_examples_are_listed_and_a_wrong_name_is_refused(self):
        self.assertEqual(lab("example", "--list").returncode, 0)
        self.assert_refused(lab("example", "no_such_example"), "--list")


class Predictions(Scratch):
    def test_predictions_are_asked_for_and_a_wrong_interval_is_asked_again(self):
        folder = self.start()
        done = lab("predict", 2, folder, input="20 5\n5 20\nten\n1 2\n0 1\n0.5 2\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        stored = json.loads((folder / "predictions.json").read_text())["predictions"]
        self.assertEqual(stored["backlog"], {"low": 5, "high": 20})
        self.assertEqual(stored["one-by-one"], {"low": 0.5, "high": 2})

    def test_wrong_predictions_are_refused(self):
        folder = self.start()
        for text, part in (("backlog", "ID=LOW..HIGH"), ("backlog=9..8", "no interval"), ("colour=1..2", "no prediction 'colour'"),
                           ("one-by-one=0..2", "above 0"), ("backlog=nan..2", "no prediction"), ("backlog=-1..2", "at least 0")):
            self.assert_refused(lab("predict", 2, folder, "--set", text), part)
        self.assertFalse((folder / "predictions.json").exists())

    def test_after_the_measurement_it_is_too_late_to_predict(self):
        folder = self.start()
        (folder / "measurements.json").write_text("{}")
        self.assert_refused(lab("predict", 2, folder, "--set", "backlog=1..2"), "too late")

    def test_the_score_rewards_narrow_intervals_that_hold_the_value(self):
        lab2 = catalogue.find_lab("2")

        def score(low, high, value, id="one-by-one"):
            return predictions.score(lab2, id, {"low": low, "high": high}, value)["score"]

        self.assertEqual(score(4, 4, 4), 0)
        self.assertEqual(score(1, 4, 2), 2)
        self.assertEqual(score(1, 4, 8), 2 + 10)
        self.assertEqual(score(1, 4, 0.25), 2 + 20)
        self.assertEqual(score(0, 0, 0, "backlog"), 0)
        self.assertLess(score(1, 2, 1.5), score(1, 20, 1.5))


class InSandbox(Scratch):
    """Programs that misbehave, as shell and Python scripts."""

    def run_in_sandbox(self, function, limits=Limits(), **scripts):
        with Sandbox(limits) as sandbox:
            programs = {}
            for name, text in scripts.items():
                (self.scratch / name).write_text(text)
                programs[name] = sandbox.install(self.scratch / name)
            tested = Lab(sandbox, programs, sandbox.private_folder("check"), "check")
            self.result = None
            try:
                self.result = function(tested)
            except Failed as failed:
                self.result = failed
            tested.close()
            sandbox.end_all()
            folder = sandbox.folder
        self.assertFalse(folder.exists())
        self.assertEqual([pid for pid in proc.descendants(os.getpid()) if proc.state(pid) != "Z"], [])
        return sandbox.survivors

    def test_a_daemon_in_a_session_of_its_own_is_ended_and_named(self):
        daemon = "#!/bin/sh\nsetsid sh -c 'trap \"\" TERM HUP; while :; do sleep 1000; done' >/dev/null 2>&1 &\nexit 0\n"
        survivors = self.run_in_sandbox(lambda tested: tested.run("daemon"), daemon=daemon)
        self.assertTrue(any("sleep 1000" in survivor for survivor in survivors), survivors)

    def test_a_program_that_hangs_fails_and_is_ended(self):
        self.run_in_sandbox(lambda tested: tested.run("hang", limit=0.2), hang="#!/bin/sh\ntrap '' TERM\nsleep 1000\nsleep 1000\n")
        self.assertIn("still runs", str(self.result))

    def test_a_program_that_forks_without_end_is_bounded_and_ended(self):
        bomb = "#!/usr/bin/python3\nimport os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
        self.run_in_sandbox(lambda tested: tested.run("bomb", limit=0.3), Limits(processes=20), bomb=bomb)
        self.assertIsInstance(self.result, Failed)

    def test_output_without_end_is_bounded_and_has_a_hint(self):
        self.run_in_sandbox(lambda tested: tested.run("flood"), Limits(file_size=1 << 20), flood="#!/bin/sh\nexec yes\n")
        self.assertEqual(self.result.hint, "too-much-output")

    def test_memory_is_bounded(self):
        eater = "#!/usr/bin/python3\ntry:\n    x = bytearray(1 << 30)\nexcept MemoryError:\n    print('no memory')\n"
        self.run_in_sandbox(lambda tested: tested.run("eater").output(), Limits(memory=1 << 28), eater=eater)
        self.assertEqual(self.result, "no memory\n")

    def test_descriptors_are_bounded(self):
        eater = "#!/usr/bin/python3\nimport os\ntry:\n    while True: os.dup(0)\nexcept OSError as e:\n    print(e.strerror)\n"
        self.run_in_sandbox(lambda tested: tested.run("eater").output(), eater=eater)
        self.assertEqual(self.result, "Too many open files\n")

    @unittest.skipUnless(os.geteuid() == 0, "only root can give programs another user")
    def test_programs_of_root_run_as_another_user_who_can_write_only_its_folder(self):
        spy = "#!/bin/sh\nid -u\ntouch here && echo wrote\ntouch /etc/parley-lab-was-here 2>/dev/null || echo refused\n"
        self.run_in_sandbox(lambda tested: tested.run("spy").output().split(), spy=spy)
        self.assertNotEqual(self.result[0], "0")
        self.assertEqual(self.result[1:], ["wrote", "refused"])

    def test_a_check_that_takes_too_long_fails(self):
        def endless(tested):
            tested.eventually("never", lambda: False, limit=1000)

        with Sandbox() as sandbox:
            result, _ = check._run(endless, 0.1, sandbox, {}, "endless")
        self.assertEqual(result.hint, "hangs")


class ForTeachers(Scratch):
    def test_an_exported_repository_has_no_solutions_and_works(self):
        out = self.scratch / "out"
        self.assertEqual(lab("export", "--labs", "2", "--out", out).returncode, 0)
        names = {path.name for path in out.rglob("*")}
        self.assertFalse(names & {"solutions", "tests", "wrong"})
        self.assertTrue({"README.md", "README.zh-CN.md", "checks.py", "lab"} <= names)
        texts = "".join(path.read_text() for path in out.rglob("*.cpp"))
        self.assertNotIn("SO_REUSEADDR", texts)
        tool = out / "scripts/lab"
        self.assertEqual(lab("start", 2, self.scratch / "mine", tool=tool).returncode, 0)
        self.assertIn("1 of 25 points", lab("check", 2, self.scratch / "mine", tool=tool).stdout)
        self.assert_refused(lab("export", "--labs", "2", "--out", out), "not empty")
        self.assert_refused(lab("export", "--labs", "2-99", "--out", self.scratch / "more"), "no lab 3" if len(catalogue.all_labs()) == 1 else "no lab")

    def test_three_submissions_are_graded_one_hangs_and_one_leaves_a_daemon(self):
        submissions = self.scratch / "submissions"
        server, client = ((SOLUTION / name).read_text() for name in ("welcome_server.cpp", "welcome_client.cpp"))
        seconds = f"86400.{os.getpid()}"  # a command line of its own, by which it is found
        daemon = ("#include <csignal>\n#include <unistd.h>\nnamespace { void leave_daemon() { if (fork() != 0) return; setsid(); "
                  f"signal(SIGTERM, SIG_IGN); execlp(\"sleep\", \"sleep\", \"{seconds}\", nullptr); _exit(1); }} }}\n")
        texts = {
            "ada": server,
            "bob hangs": "#include <csignal>\n#include <unistd.h>\nint main() { signal(SIGTERM, SIG_IGN); for (;;) pause(); }\n",
            "=carol": daemon + server.replace("const auto listener = listen_at(port);",
                                                                        "leave_daemon();\n    const auto listener = listen_at(port);"),
        }
        for name, text in texts.items():
            (submissions / name).mkdir(parents=True)
            (submissions / name / "welcome_server.cpp").write_text(text)
            (submissions / name / "welcome_client.cpp").write_text(client)
        (submissions / "ada/CMakeLists.txt").write_text("message(FATAL_ERROR \"not used\")\n")
        (submissions / "ada/predictions.json").write_text(json.dumps({"predictions": {"backlog": {"low": 9, "high": 9}}}))
        done = lab("grade", 2, submissions, "--csv", self.scratch / "marks.csv", "--junit", self.scratch / "junit.xml")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(self.scratch / "marks.csv", newline="") as file:
            marks = {row["submission"]: row for row in csv.DictReader(file)}
        self.assertEqual(set(marks), {"ada", "bob hangs", "'=carol"})
        self.assertEqual((marks["ada"]["points"], marks["ada"]["survivors"], marks["ada"]["predictions_inside"]), ("25", "0", "1"))
        self.assertEqual(marks["bob hangs"]["failed_checks"].split()[0], "starts")
        self.assertLess(float(marks["bob hangs"]["points"]), 10)
        self.assertEqual(marks["'=carol"]["points"], "25")
        self.assertGreater(int(marks["'=carol"]["survivors"]), 0)
        self.assertEqual(len(xml.parse(self.scratch / "junit.xml").getroot()), 3)
        self.assertEqual([pid for pid in os.listdir("/proc") if pid.isdigit() and proc.name(pid) == f"sleep {seconds}"], [])

    def test_a_folder_without_submissions_is_refused(self):
        self.assert_refused(lab("grade", 2, self.scratch), "no folders")
        self.assert_refused(lab("grade", 2), "name the folder")

    def test_an_autograder_for_gradescope_has_its_two_scripts_and_no_solution(self):
        path = self.scratch / "autograder.zip"
        self.assertEqual(lab("grade", 2, "--gradescope", path).returncode, 0)
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            for script in ("setup.sh", "run_autograder"):
                self.assertTrue(archive.getinfo(script).external_attr >> 16 & 0o100, f"{script} is executable")
                text = archive.read(script).decode()
                self.assertEqual(subprocess.run(["bash", "-n"], input=text, text=True).returncode, 0)
            self.assertIn("parley/labs/02-sockets/checks/checks.py", names)
            self.assertIn("parley/common/check.hpp", names)
            self.assertFalse([name for name in names if "solutions" in name or name.startswith("parley/tests")])
            self.assertIn("cmake", archive.read("setup.sh").decode())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *REST])
