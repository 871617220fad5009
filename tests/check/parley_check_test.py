#!/usr/bin/env python3
"""Tests parley-check as a program: parley_check_test.py BIN_FOLDER

Right servers pass, a faulty one fails by the checks of its faults, and the results are what other programs read.
"""
import json
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from pathlib import Path

BIN = Path(sys.argv.pop(1)).resolve()
CHECK, SERVER = BIN / "parley-check", BIN / "parley-server"

# Serves one client at a time, ignores the end of input, and does not set SO_REUSEADDR.
FAULTY = """
import socket, sys
listener = socket.socket()
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(5)
while True:
    client, _ = listener.accept()
    while data := client.recv(4096):
        client.sendall(data)
    kept = client
"""


def run(*words):
    return subprocess.run([CHECK, *words], capture_output=True, text=True, timeout=300)


class Results(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.json = Path(self.folder.name) / "result.json"

    def examine(self, *words):
        """Returns the status, and the checks by their result."""
        done = run("--json", self.json, *words)
        self.assertTrue(self.json.exists(), done.stderr)
        report = json.loads(self.json.read_text())
        results = {}
        for check in report["checks"]:
            results.setdefault(check["result"], []).append(check["id"])
        return done, report, results

    def test_right_servers_fail_no_check(self):
        for model, service, profile in (("thread", "echo", "echo"), ("epoll", "counter", "counter"), ("fork", "welcome", "welcome")):
            profile_options = ["--greeting", "welcome to here"] if profile == "welcome" else []
            with self.subTest(model=model, profile=profile):
                done, _, results = self.examine("--level", "quick", "--profile", profile, *profile_options, "--", SERVER, "--model", model,
                                                "--service", service, "--listen", "127.0.0.1:{port}", "--log-level", "error")
                self.assertEqual(results.get("failed", []), [], done.stdout)
                self.assertEqual(done.returncode, 0)
                self.assertGreater(len(results["passed"]), 3)

    def test_a_faulty_server_fails_by_the_checks_of_its_faults(self):
        server = Path(self.folder.name) / "server.py"
        server.write_text(FAULTY)
        done, report, results = self.examine("--only", "replies,half-close,starts-again,any-order", "--", sys.executable, server, "{port}")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(sorted(results["failed"]), ["any-order", "half-close", "starts-again"], done.stdout)
        for check in report["checks"]:
            if check["result"] == "failed":
                self.assertTrue(check["hint"]["c"] and check["hint"]["python"] and check["hint"]["read"])
                self.assertTrue(check["time_line"])

    def test_results_are_written_for_other_programs(self):
        junit, tap = Path(self.folder.name) / "junit.xml", Path(self.folder.name) / "result.tap"
        server = [SERVER, "--model", "thread", "--service", "echo", "--listen", "127.0.0.1:{port}", "--log-level", "error"]
        done, _, _ = self.examine("--only", "replies,stops", "--junit", junit, "--tap", tap, "--", *server)
        suite = xml.etree.ElementTree.parse(junit).getroot()
        self.assertEqual((suite.get("tests"), suite.get("failures")), ("2", "0"))
        self.assertEqual(tap.read_text().splitlines()[:2], ["TAP version 13", "1..2"])
        self.assertIn("2 passed, 0 failed", done.stdout)

    def test_a_server_that_runs_already_is_examined_without_facts(self):
        words = [SERVER, "--model", "thread", "--service", "echo", "--listen", "127.0.0.1:0", "--log-level", "error"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
            try:
                address = server.stdout.readline().split()[2]
                done, _, results = self.examine("--only", "replies,stops", "--address", address)
            finally:
                server.terminate()
        self.assertEqual(results, {"passed": ["replies"], "skipped": ["stops"]}, done.stdout)


class CommandLine(unittest.TestCase):
    def test_a_server_that_does_not_start_is_status_3_with_its_last_words(self):
        done = run("--", sys.executable, "-c", "import sys; sys.exit('no such file')", "{port}")
        self.assertEqual(done.returncode, 3)
        self.assertIn("no such file", done.stderr)

    def test_a_wrong_command_line_is_status_2(self):
        for words in ([], ["--", "server"], ["--profile", "none", "--", "server", "{port}"], ["--only", "none", "--", "server", "{port}"],
                      ["--profile", "custom", "--", "server", "{port}"], ["--address", "127.0.0.1:9", "--", "server", "{port}"]):
            with self.subTest(words=words):
                done = run(*words)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    def test_the_list_names_profiles_and_checks(self):
        listed = run("--list").stdout
        for name in ("echo", "counter", "replies", "starts-again"):
            self.assertIn(f"  {name} ", listed)


if __name__ == "__main__":
    unittest.main()
