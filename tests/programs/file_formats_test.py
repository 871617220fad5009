#!/usr/bin/env python3
"""The formats of docs/file-formats.md, compared with what the programs write.

Runs the programs and validates each document against its schema in docs/schemas. Changes each document in
every place and expects that the schema refuses it: so a schema that asserts nothing fails here as well.

usage: file_formats_test.py FOLDER_OF_PROGRAMS
"""
import base64
import copy
import csv
import io
import json
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile
import unittest
import urllib.request
import zlib

try:
    import jsonschema
except ImportError:
    print("skipped: Python's jsonschema is missing: install python3-jsonschema (scripts/setup does)")
    sys.exit(77)

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
SCHEMAS = {path.name.removesuffix(".schema.json"): json.loads(path.read_text())
           for path in sorted((DOCS / "schemas").glob("*.schema.json"))}
PAGE = (DOCS / "file-formats.md").read_text()
PROGRAMS = ("parley-server", "parley-client", "parley-load", "parley-compare", "parley-top", "parley-metrics")
LIMIT = 60  # seconds, until a program must have ended

bin_folder = pathlib.Path()
folder = pathlib.Path()
documents = []  # (what it is, the name of its schema, the document)
ready_lines = []
exposition = ""


def validator_of(name):
    schema = SCHEMAS[name]
    try:
        from referencing import Registry, Resource
    except ImportError:  # before jsonschema 4.18, as in Debian 12
        resolver = jsonschema.RefResolver(schema["$id"], schema, {each["$id"]: each for each in SCHEMAS.values()})
        return jsonschema.Draft202012Validator(schema, resolver=resolver)
    registry = Registry().with_resources(
        (each["$id"], Resource.from_contents(each)) for each in SCHEMAS.values())
    return jsonschema.Draft202012Validator(schema, registry=registry)


def run(program, *words, status=(0,)):
    """Runs a program. Its exit status must be one of `status`."""
    done = subprocess.run([bin_folder / program, *words], capture_output=True, text=True, timeout=LIMIT)
    if done.returncode not in status:
        raise AssertionError(f"{program} {' '.join(map(str, words))} exited with {done.returncode}:\n"
                             f"{done.stdout}{done.stderr}")
    return done.stdout


def collect(what, schema, document):
    documents.append((what, schema, document))
    return document


def load(what, *words, schema="parley-load", status=(0, 3)):
    """Runs parley-load and collects its report. By default the run may be invalid: the machine may be busy."""
    report = folder / f"{len(documents)}.json"
    run("parley-load", *words, "--json", report, status=status)
    collect(what, schema, json.loads(report.read_text()))
    return report


def start(program, *words):
    """Starts a program that runs until the end of all tests."""
    started = subprocess.Popen([bin_folder / program, *words], stdout=subprocess.PIPE, text=True)

    def stop():
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(LIMIT)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()
            raise
        finally:
            started.stdout.close()

    unittest.addModuleCleanup(stop)
    return started


def start_server(*words):
    return start("parley-server", "--listen", "127.0.0.1:0", *words)


def load_by_agent(address):
    secret = folder / "secret"
    secret.write_text("of the controller and its agent: " + 32 * "x")
    secret.chmod(0o600)
    agent = start("parley-load", "--agent", "127.0.0.1:0", "--secret-file", secret)
    ready_lines.append(agent.stdout.readline().rstrip("\n"))
    load("a load by an agent", address, "--agents", ready_lines[-1].split()[2], "--secret-file", secret,
         "--connections", "2", "--duration", "200ms")


def interrupted_search(address):
    """A search that ends after its first trial: a target that no rate meets would take minutes."""
    report = folder / "interrupted.json"
    search = subprocess.Popen(
        [bin_folder / "parley-load", address, "--service", "wait", "--wait", "1ms", "--duration", "100ms",
         "--find-knee", "p50<1ns", "--json", report],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    search.stdout.readline()
    search.send_signal(signal.SIGINT)
    search.communicate(timeout=LIMIT)
    collect("an interrupted search", "parley-load-knee", json.loads(report.read_text()))


def compare():
    """A tiny comparison by a plan file, which leaves out all that has a default."""
    plan = folder / "tiny.json"
    plan.write_text(json.dumps({
        "rounds": 1,
        "contenders": [{"name": "one", "model": "thread"}, {"name": "two", "model": "epoll", "options": []}],
        "workloads": [{"id": "tiny", "connections": 2, "duration_ms": 300, "open": [0.5]}]}))
    collect("a plan of a person", "parley-compare-plan", json.loads(plan.read_text()))
    at = folder / "run"
    run("parley-compare", "--plan", plan, "--output", at, status=(0, 1))
    collect("plan.json", "parley-compare-plan", json.loads((at / "plan.json").read_text()))
    collect("result.json", "parley-compare", json.loads((at / "result.json").read_text()))
    for line in (at / "cells.jsonl").read_text().splitlines():
        collect("a line of cells.jsonl", "parley-compare-cell", json.loads(line))
    run("parley-compare", "--diff", at, at / "result.json", "--json", folder / "diff.json")
    collect("two results", "parley-compare-diff", json.loads((folder / "diff.json").read_text()))


def setUpModule():
    global folder, exposition
    temporary = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(temporary.cleanup)
    folder = pathlib.Path(temporary.name)

    server = start_server("--model", "loops", "--workers", "2", "--service", "echo", "--metrics", "127.0.0.1:0")
    ready_lines.extend(server.stdout.readline().rstrip("\n") for _ in range(2))
    address = ready_lines[0].split()[2]
    load("a closed loop", address, "--connections", "2", "--duration", "500ms", "--interval", "100ms",
         "--csv", folder / "course.csv", "--hlog", folder / "course.hlog")
    load("an open loop with conditions", address, "--connections", "2", "--duration", "500ms", "--rate", "200",
         "--arrivals", "poisson", "--percentiles", "75", "--threshold", "p90<1ns", "--threshold", "errors=0",
         status=(0, 3, 4))
    load("a load in stages", address, "--stage", "200ms@100", "--stage", "200ms@100..200", "--connections", "2")
    load("a load with an expected interval", address, "--requests", "200", "--expected-interval", "1ms",
         "--per-connection", "50")
    series = load("a series", address, "--connections", "2", "--duration", "100ms", "--repeat", "4",
                  schema="parley-load-repeats")
    load("two servers in turns", address, "--connections", "2", "--duration", "100ms", "--repeat", "4",
         "--against", address, schema="parley-load-repeats")
    if json.loads(series.read_text())["figures"]["rate"] is not None:  # else it is refused as a baseline
        load("a run with a baseline", address, "--connections", "2", "--duration", "100ms", "--baseline", series)
    load("a run without replies", address, "--service", "raw", "--send", "x", "--expect", "100 bytes",
         "--requests", "1", "--timeout", "100ms", status=(1,))
    load_by_agent(address)
    top = run("parley-top", "--json", "--interval", "100ms", str(server.pid))
    collect("a running server", "parley-top", json.loads(top))
    exposition = urllib.request.urlopen(ready_lines[1].split()[2], timeout=LIMIT).read().decode()

    waiting = start_server("--model", "epoll", "--service", "wait")
    address = waiting.stdout.readline().split()[2]
    load("a search", address, "--service", "wait", "--wait", "1ms", "--connections", "4", "--duration", "100ms",
         "--rate", "2000", "--find-knee", "p50<500ms", schema="parley-load-knee", status=(0, 3, 4))
    interrupted_search(address)
    fresh = start_server("--model", "thread", "--service", "echo")
    fresh.stdout.readline()
    collect("a server without clients", "parley-top",
            json.loads(run("parley-top", "--json", "--interval", "50ms", str(fresh.pid))))
    compare()
    for program in PROGRAMS:
        collect(f"the options of {program}", "parley-options", json.loads(run(program, "--options-as-json")))


# Documents in documents: each has a schema of its own, and is changed by itself.
INNER_DOCUMENTS = {"runs", "cells", "load", "against"}


def places_in(document, at=()):
    """Yields the path of each value below `document`; of a list only the first item."""
    if isinstance(document, dict):
        items = list(document.items())
    elif isinstance(document, list):
        items = list(enumerate(document))[:1]
    else:
        items = []
    for key, value in items:
        yield at + (key,)
        if key not in INNER_DOCUMENTS:
            yield from places_in(value, at + (key,))


def places_to_change():
    """Yields each place once for each schema, with the first document that has it and its validator."""
    seen = set()
    for what, name, document in documents:
        validator = validator_of(name)
        for place in [(), *places_in(document)]:
            if (name, place) not in seen:
                seen.add((name, place))
                yield what, name, document, place, validator


def holder_of(document, place):
    for key in place[:-1]:
        document = document[key]
    return document


def members_in(schema, at):
    """Yields each member that a schema declares: its place, its name, its own schema."""
    if isinstance(schema, dict):
        for name, member in schema.get("properties", {}).items():
            yield f"{at}.{name}", name, member
        for key, value in schema.items():
            yield from members_in(value, f"{at}.{key}")
    elif isinstance(schema, list):
        for value in schema:
            yield from members_in(value, at)


def table_under(heading):
    """The first cell of each row of the table under a heading of the page, without its backquotes."""
    section = re.split(r"^## ", PAGE, flags=re.M)
    section = next(each for each in section if each.startswith(heading))
    return [cell.replace("\\|", "|") for cell in re.findall(r"^\| `([^`]+)` \|", section, flags=re.M)]


class DocumentsOfThePrograms(unittest.TestCase):
    def test_each_document_is_as_its_schema_says(self):
        for what, name, document in documents:
            with self.subTest(what):
                # best_match() descends into the alternatives of an anyOf.
                errors = [jsonschema.exceptions.best_match([error])
                          for error in validator_of(name).iter_errors(document)]
                errors = [f"{error.json_path}: {error.message[:300]}" for error in errors]
                self.assertEqual(errors, [], f"{what} is not as docs/schemas/{name}.schema.json says")

    def test_each_schema_has_a_document(self):
        self.assertEqual({name for _, name, _ in documents}, set(SCHEMAS))

    def test_an_unknown_member_is_refused_in_each_object(self):
        for what, _, document, place, validator in places_to_change():
            changed = copy.deepcopy(document)
            value = holder_of(changed, (*place, None))
            if isinstance(value, dict):
                value["member_of_no_schema"] = 1
                self.assertFalse(validator.is_valid(changed), f"{what}: an unknown member in {place} is accepted")

    def test_a_value_of_another_type_is_refused_in_each_place(self):
        for what, _, document, place, validator in places_to_change():
            if place:
                changed = copy.deepcopy(document)
                holder = holder_of(changed, place)
                holder[place[-1]] = {"x": 1} if isinstance(holder[place[-1]], list) else [[]]
                self.assertFalse(validator.is_valid(changed), f"{what}: another type of {place} is accepted")

    def test_a_missing_member_is_refused(self):
        # Present only on demand: the other series, and a percentile that was asked for.
        optional = {"against", "p75"}
        for what, name, document, place, validator in places_to_change():
            if name == "parley-compare-plan" or not place or place[-1] in optional or "programs" in place[:-1]:
                continue  # a plan may leave out what has a default
            changed = copy.deepcopy(document)
            holder = holder_of(changed, place)
            if isinstance(holder, dict):
                del holder[place[-1]]
                self.assertFalse(validator.is_valid(changed), f"{what}: {place} may be missing")

    def test_another_version_is_refused(self):
        for what, name, document in documents:
            if "schema" in document:
                changed = document | {"schema": document["schema"][:-1] + "9"}
                self.assertFalse(validator_of(name).is_valid(changed), what)

    def test_the_plan_schema_refuses_what_the_program_refuses(self):
        good = {"rounds": 1, "contenders": [{"name": "one", "model": "thread"}], "workloads": [{"id": "tiny"}]}
        self.assertTrue(validator_of("parley-compare-plan").is_valid(good))
        for change in ({"rounds": 0}, {"rounds": "1"}, {"contenders": None},
                       {"contenders": [{"name": ""}]}, {"contenders": [{"name": "one", "models": "thread"}]},
                       {"workloads": [{"id": ""}]}, {"workloads": [{"id": "x", "connections": 0}]},
                       {"workloads": [{"id": "x", "duration_ms": 49}]}, {"workloads": [{"id": "x", "open": [3]}]}):
            with self.subTest(change=change):
                plan = good | change
                self.assertFalse(validator_of("parley-compare-plan").is_valid(plan))
                (folder / "bad.json").write_text(json.dumps(plan))
                run("parley-compare", "--plan", folder / "bad.json", "--output", folder / "none", status=(2,))


class Schemas(unittest.TestCase):
    def test_each_is_a_schema(self):
        for name, schema in SCHEMAS.items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)

    def test_each_member_is_explained_and_has_a_type(self):
        for name, schema in SCHEMAS.items():
            for where, _, member in members_in(schema, name):
                with self.subTest(where):
                    self.assertGreater(len(member.get("description", "").strip()), 5, f"{where} is not explained")
                    self.assertTrue({"type", "$ref", "anyOf"} & set(member), f"{where} has no type")

    def test_a_member_with_a_unit_in_its_name_names_it(self):
        units = {"_ms": r"\bms\b", "_us": r"\bus\b", "_s": r"\bs\b", "_seconds": r"\bseconds\b",
                 "_kib": r"\bKiB\b", "_mib": r"\bMiB\b"}
        for name, schema in SCHEMAS.items():
            for where, member_name, member in members_in(schema, name):
                for ending, unit in units.items():
                    if member_name.endswith(ending):
                        self.assertRegex(member["description"], unit, where)

    def test_each_object_is_closed(self):
        def objects_in(schema):
            if isinstance(schema, dict):
                if "properties" in schema and "type" in schema:
                    yield schema
                for value in schema.values():
                    yield from objects_in(value)
            elif isinstance(schema, list):
                for value in schema:
                    yield from objects_in(value)

        for name, schema in SCHEMAS.items():
            for each in objects_in(schema):
                self.assertIs(each.get("additionalProperties"), False, f"{name}: {each['description']}")


class ThePage(unittest.TestCase):
    def test_it_links_each_schema(self):
        for name in SCHEMAS:
            self.assertIn(f"](schemas/{name}.schema.json)", PAGE)

    def test_its_links_lead_somewhere(self):
        for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
            if not link.startswith("http"):
                self.assertTrue((DOCS / link).exists(), link)

    def test_it_lists_the_columns_of_the_csv(self):
        rows = list(csv.reader(io.StringIO((folder / "course.csv").read_text())))
        self.assertEqual(rows[0], table_under("Intervals as CSV"))
        self.assertGreater(len(rows), 3)
        for row in rows[1:]:
            self.assertEqual(len(row), len(rows[0]))
            for value in row:
                self.assertRegex(value, r"^([0-9]+(\.[0-9]+)?)?$")

    def test_the_interval_log_is_as_it_says(self):
        lines = (folder / "course.hlog").read_text().splitlines()
        self.assertEqual(lines[0], "#[Histogram log format version 1.3]")
        self.assertRegex(lines[1], r"^#\[StartTime: [0-9]+\.[0-9]{3} \(seconds since epoch\)\]$")
        self.assertEqual(lines[2].replace('"', "").split(","),
                         ["StartTimestamp", "Interval_Length", "Interval_Max", "Interval_Compressed_Histogram"])
        self.assertGreater(len(lines), 5)
        for line in lines[3:]:
            begin, length, longest, histogram = line.split(",")
            self.assertGreaterEqual(min(map(float, (begin, length, longest))), 0)
            packed = base64.b64decode(histogram, validate=True)
            cookie, size = struct.unpack(">II", packed[:8])
            self.assertEqual((cookie, size), (0x1C849314, len(packed) - 8))
            plain = zlib.decompress(packed[8:])
            cookie, size, offset, digits, least = struct.unpack(">IIIIQ", plain[:24])
            self.assertEqual((cookie, size, offset, digits, least), (0x1C849313, len(plain) - 40, 0, 3, 1))

    def test_the_ready_lines_are_as_it_says(self):
        self.assertRegex(ready_lines[0], r"^listening on 127\.0\.0\.1:[0-9]+ \(model loops, service echo\)$")
        self.assertRegex(ready_lines[1], r"^metrics on http://127\.0\.0\.1:[0-9]+/metrics$")
        self.assertRegex(ready_lines[2], r"^listening on 127\.0\.0\.1:[0-9]+ \(agent\)$")

    def test_it_lists_the_letters_of_the_scoreboard(self):
        workers = SCHEMAS["parley-top"]["properties"]["workers"]["items"]["properties"]
        self.assertEqual(table_under("The scoreboard"), [*workers["letter"]["enum"], "."])
        section = PAGE[PAGE.index("## The scoreboard"):]
        for letter, state in re.findall(r"^\| `(.)` \| ([a-z]+) \|", section, flags=re.M):
            if letter != ".":
                self.assertIn(state, workers["state"]["enum"], letter)
        self.assertEqual(set(workers["state"]["enum"]),
                         set(SCHEMAS["parley-top"]["properties"]["states"]["required"]))
        for _, name, document in documents:
            if name == "parley-top":
                self.assertEqual(list(document["states"]),
                                 list(SCHEMAS["parley-top"]["properties"]["states"]["properties"]))

    def test_it_lists_the_metrics(self):
        names = re.findall(r"^# TYPE (\S+) (?:counter|gauge)$", exposition, flags=re.M)
        self.assertEqual(names, table_under("Metrics"))
        for line in exposition.splitlines():
            self.assertRegex(line, r"^(# (HELP|TYPE) .*|[a-z_]+(\{[a-z]+=\"[^\"]*\"(,[a-z]+=\"[^\"]*\")*\})? [0-9.e+-]+)$")

    def test_its_excerpts_are_json(self):
        excerpts = re.findall(r"^```json\n(.*?)^```$", PAGE, flags=re.M | re.S)
        self.assertGreaterEqual(len(excerpts), 5)
        for excerpt in excerpts:
            json.loads(excerpt)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(f"file_formats_test.py: folder of the programs is missing: {__doc__.splitlines()[-1]}")
    bin_folder = pathlib.Path(sys.argv.pop(1))
    unittest.main(warnings="error")  # also deprecations: they show what a later Python will refuse
