"""The report of a check: as text for students, as JSON, as JUnit XML, and as Gradescope's results.json."""

import json
import os
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

from .check import FAILED, NOT_RUN, PASSED

WORDS = {
    "en": {PASSED: "passed ", FAILED: "FAILED ", NOT_RUN: "not run", "did": "done", "got": "came", "means": "means", "read": "read",
           "build": "It does not build. The compiler says:", "total": "{points:g} of {max:g} points: {passed} passed, {failed} failed, {not_run} not run",
           "survivors": "Processes that the programs left, and that were killed: ", "predictions": "Predictions",
           "inside": "inside", "outside": "OUTSIDE", "line": "{question}\n            you said {low:g} to {high:g}, measured {value:.4g}: {verdict}; score {score:.1f}",
           "explained": "Score: log2(high/low), plus 10 for each factor of two that the interval misses; 0 is perfect. It rewards honest "
                        "intervals: narrow if you know, wide if you do not (interval score, Gneiting and Raftery 2007, for 80 %)."},
    "zh": {PASSED: "通过", FAILED: "失败", NOT_RUN: "未运行", "did": "做了", "got": "得到", "means": "含义", "read": "阅读",
           "build": "编译没有成功。编译器说：", "total": "{points:g} / {max:g} 分：{passed} 项通过，{failed} 项失败，{not_run} 项未运行",
           "survivors": "程序留下的、被强制结束的进程：", "predictions": "预测",
           "inside": "在区间内", "outside": "在区间外", "line": "{question}\n            你的预测 {low:g} 到 {high:g}，实测 {value:.4g}：{verdict}；得分 {score:.1f}",
           "explained": "得分 = log2(上限/下限)，实测值在区间外时每差一倍再加 10；0 最好。它奖励诚实的区间：知道就窄，不知道就宽"
                        "（80 % 区间得分，Gneiting 与 Raftery 2007）。"},
}


def _bold(text, stream):
    return f"\x1b[1m{text}\x1b[0m" if stream.isatty() else text


def print_report(report, language, stream):
    words = WORDS[language]
    print(_bold(f"{report.lab.number:02}  {report.lab.title[language]}", stream), file=stream)
    if report.build_errors:
        hint = report.hints["does-not-build"]
        print(f"\n{words['build']}\n\n{report.build_errors}\n\n{words['means']}: {hint[language]}\n", file=stream)
    for outcome in report.outcomes:
        print(f"\n  {words[outcome.status]}  {outcome.sentence}" if outcome.status == FAILED
              else f"  {words[outcome.status]}  {outcome.sentence}", file=stream)
        if outcome.status == FAILED:
            hint = report.hints[outcome.hint]
            for label, text in (("did", outcome.did), ("got", outcome.got), ("means", hint[language]), ("read", hint["read"])):
                if text:
                    print(f"      {words[label]}: {text}", file=stream)
            print(file=stream)
    counts = {status: sum(outcome.status == status for outcome in report.outcomes) for status in (PASSED, FAILED, NOT_RUN)}
    print("\n" + words["total"].format(points=report.points(), max=report.max_points(), passed=counts[PASSED], failed=counts[FAILED],
                                       not_run=counts[NOT_RUN]), file=stream)
    if report.survivors():
        print(words["survivors"] + "; ".join(report.survivors()), file=stream)
    if report.scores:
        print(f"\n{words['predictions']}", file=stream)
        for score in report.scores:
            verdict = words["inside" if score["inside"] else "outside"]
            print("  " + words["line"].format(**{**score, "question": score["question"][language], "verdict": verdict}), file=stream)
        print("  " + words["explained"], file=stream)
    if report.advice:
        print(report.advice, file=stream)


def as_dict(report):
    checks = []
    for outcome in report.outcomes:
        hint = report.hints.get(outcome.hint, {})
        checks.append({"id": outcome.id, "name": outcome.sentence, "status": outcome.status, "points": outcome.points, "did": outcome.did,
                       "got": outcome.got, "hint": outcome.hint, "means": hint.get("en", ""), "read": hint.get("read", ""),
                       "survivors": outcome.survivors, "seconds": round(outcome.seconds, 3)})
    return {"lab": report.lab.number, "name": report.lab.name, "folder": report.folder, "points": report.points(), "max_points": report.max_points(),
            "builds": not report.build_errors, "build_errors": report.build_errors, "checks": checks, "measured": report.measured,
            "predictions": [{key: score[key] for key in ("id", "low", "high", "value", "inside", "score")} for score in report.scores],
            "survivors": report.survivors()}


def write_file(path, text):
    """Replaces a file by one with this text: readers see the old one or the new one. `-` is standard output."""
    if str(path) == "-":
        sys.stdout.write(text)
        return
    path = Path(path)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent or ".", prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(temporary, 0o666 & ~umask)
    os.replace(temporary, path)


def write_json(report, path):
    write_file(path, json.dumps(as_dict(report), indent=2, ensure_ascii=False) + "\n")


def clean(text):
    """Removes what XML 1.0 cannot hold: control characters."""
    return "".join(letter if letter in "\n\t" or letter.isprintable() else "?" for letter in text)


def text_of(check):
    return "\n".join(f"{label}: {check[key]}" for label, key in (("done", "did"), ("came", "got"), ("means", "means"), ("read", "read")) if check[key])


def write_junit(results, path):
    """Writes JUnit XML: a suite for each (name, result), where a result is that of as_dict()."""
    suites = xml.Element("testsuites")
    for name, result in results:
        checks = result["checks"]
        suite = xml.SubElement(suites, "testsuite", name=clean(f"lab {result['lab']}: {name}"), tests=str(len(checks)),
                               failures=str(sum(check["status"] == FAILED for check in checks)),
                               skipped=str(sum(check["status"] == NOT_RUN for check in checks)),
                               errors="0", time=str(round(sum(check["seconds"] for check in checks), 3)))
        for check in checks:
            case = xml.SubElement(suite, "testcase", classname=result["name"], name=check["name"], time=str(check["seconds"]))
            if check["status"] == FAILED:
                xml.SubElement(case, "failure", message=clean(check["got"])).text = clean(text_of(check))
            elif check["status"] == NOT_RUN:
                xml.SubElement(case, "skipped", message=clean(check["got"]))
        if result["build_errors"]:
            xml.SubElement(suite, "system-err").text = clean(result["build_errors"])
    xml.indent(suites)
    write_file(path, '<?xml version="1.0" encoding="UTF-8"?>\n' + xml.tostring(suites, encoding="unicode") + "\n")


def write_gradescope(report, path):
    """Writes results.json as Gradescope's autograder reads it."""
    result = as_dict(report)
    tests = []
    for number, check in enumerate(result["checks"], 1):
        passed = check["status"] == PASSED
        tests.append({"score": check["points"] if passed else 0, "max_score": check["points"], "status": "passed" if passed else "failed",
                      "name": check["name"], "number": str(number), "output": text_of(check), "visibility": "visible"})
    output = f"It does not build:\n{result['build_errors']}" if result["build_errors"] else ""
    if result["survivors"]:
        output += "Processes that were left, and killed: " + "; ".join(result["survivors"])
    write_file(path, json.dumps({"score": result["points"], "output": output, "output_format": "text", "visibility": "visible",
                                 "stdout_visibility": "hidden", "tests": tests}, indent=2) + "\n")
