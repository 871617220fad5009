"""The checks of lab 1: a log that survives a kill, and totals that are whole at every moment."""

import json
import os
import random
import signal
import statistics
import subprocess
import time

from lab_tool.checking import check, measure, shown

HINTS = {
    "not-json": {
        "en": "A line of the log is not JSON, or its name is not the one that was recorded: quotes, backslashes and control characters are escaped. A library "
              "knows how.",
        "zh": "日志里有一行不是 JSON，或者其中的名字不是记录的那个：引号、反斜杠和控制字符都要转义。库知道怎样做。",
        "read": "RFC 8259, 7; the example serialise_json",
    },
    "totals": {
        "en": "The totals are not those of the log. They count each name, over all runs of the program.",
        "zh": "总数与日志不符。它统计每个名字，包括程序的所有各次运行。",
        "read": "the handout, step 2",
    },
    "truncated": {
        "en": "The entries of the run before are gone: the log was opened with O_TRUNC (std::ofstream does so by default) instead of O_APPEND.",
        "zh": "上一次运行的记录不见了：打开日志时用了 O_TRUNC（std::ofstream 默认如此），而不是 O_APPEND。",
        "read": "man 2 open, O_APPEND; the example file_modes",
    },
    "acknowledged-too-early": {
        "en": "An entry was acknowledged, and is not in the file after a kill: it was in a buffer of the program. write(2) hands it to the kernel, which survives "
              "the program.",
        "zh": "一条记录已经确认，被杀之后却不在文件里：它还在程序的缓冲区里。write(2) 把它交给内核，内核比程序活得久。",
        "read": "man 2 write; man 3 setbuf; the example file_modes",
    },
    "not-acknowledged": {
        "en": "The acknowledgement does not arrive while the program waits for the next name: flush standard output after each line.",
        "zh": "程序等待下一个名字时，确认没有到达：每行之后都要刷新标准输出。",
        "read": "man 3 fflush",
    },
    "half-line": {
        "en": "A program that was killed can leave half of a line. It is no entry. Before new ones are added it must be removed, or the next entry is glued "
              "to it.",
        "zh": "被杀的程序可能留下半行。它不算记录。添加新记录之前必须去掉它，否则下一条会粘在它后面。",
        "read": "man 2 ftruncate; the handout, step 3",
    },
    "damage-hidden": {
        "en": "A damaged line in the middle is not the trace of a kill, but of something else. Say which line it is, and change nothing.",
        "zh": "中间的损坏行不是被杀留下的，而是别的原因。要说明是哪一行，并且什么都不改。",
        "read": "the handout, step 3",
    },
    "not-replaced": {
        "en": "totals.json is written in place: a reader finds an empty or a half file. Write to another name in the same folder, then rename(2).",
        "zh": "totals.json 是就地重写的：读者会看到空的或一半的文件。先写到同一文件夹里的另一个名字，再用 rename(2)。",
        "read": "man 2 rename; common/replace_file.cpp",
    },
    "temporary-left": {
        "en": "A temporary file is left. Remove it if writing fails, and let rename(2) consume it otherwise.",
        "zh": "留下了临时文件。写失败时要删除它，否则由 rename(2) 消耗掉。",
        "read": "man 2 unlink; man 2 rename",
    },
    "no-room": {
        "en": "write(2) has failed, for want of room: say so on standard error, and end with a status other than 0. No entry may be acknowledged that is not in the "
              "file. SIGXFSZ would end the program: ignore it, then write(2) fails with EFBIG.",
        "zh": "write(2) 因为没有空间而失败：要在标准错误说明，并以非 0 状态结束。不在文件里的记录不能确认。SIGXFSZ 会终止程序：忽略它，write(2) 就会以 EFBIG 失败。",
        "read": "man 2 write, ERRORS; man 2 setrlimit, RLIMIT_FSIZE",
    },
    "mixed-lines": {
        "en": "Lines of two programs are mixed or overwritten: write each line by one write(2), to a file that is open with O_APPEND.",
        "zh": "两个程序的行混在一起，或互相覆盖：每行用一次 write(2) 写出，文件以 O_APPEND 打开。",
        "read": "man 2 write, NOTES; man 2 open, O_APPEND",
    },
}


def log_of(lab):
    """Returns the whole lines of the log, and the rest after the last newline."""
    try:
        data = (lab.folder / "requests.jsonl").read_bytes()
    except FileNotFoundError:
        lab.fail("there is no requests.jsonl")
    lines = data.split(b"\n")
    return lines[:-1], lines[-1]


def names_of(lab, lines):
    """Returns the names of lines of JSON."""
    names = []
    for line in lines:
        try:
            entry = json.loads(line)
            names.append(entry["name"])
        except (ValueError, KeyError, TypeError):
            lab.fail(f"the line {shown(line)} is no entry")
    return names


def record(lab, *names):
    ended = lab.run("request_log", ".", "record", input="".join(name + "\n" for name in names))
    lab.expect(ended.process.returncode == 0, f"status {ended.process.returncode}, standard error {ended.errors()!r}")
    return ended


def totals(lab):
    ended = lab.run("request_log", ".", "totals")
    lab.expect(ended.process.returncode == 0, f"status {ended.process.returncode}, standard error {ended.errors()!r}")
    return sorted(ended.output().splitlines())


@check("records", "names are recorded as lines of JSON, and acknowledged", hint="not-json", points=2)
def records(lab):
    ended = record(lab, "Ada", "Grace", "Ada")
    lines, rest = log_of(lab)
    lab.expect(not rest and names_of(lab, lines) == ["Ada", "Grace", "Ada"], f"the log is {lines}, and then {rest!r}")
    lab.expect(ended.output() == "ok 1\nok 2\nok 3\n", f"the output is {ended.output()!r}", hint="not-acknowledged")


@check("any-name", "a name may have quotes, backslashes, tabs and any language", hint="not-json", needs=["records"], points=2)
def any_name(lab):
    names = ['say "hi"', "back\\slash", "tab\there", "李雷", "{\"name\":1}", "\x01\x1f", "a, b: c"]
    record(lab, *names)
    came = names_of(lab, log_of(lab)[0])
    lab.expect(came == names, f"recorded {names}, and the log has {came}")


@check("totals", "the totals count each name", hint="totals", needs=["records"], points=2)
def counts(lab):
    record(lab, "Ada", "Grace", "Ada", "say \"hi\"")
    lab.expect(totals(lab) == ["1 Grace", '1 say "hi"', "2 Ada"], f"totals printed {totals(lab)}")
    with open(lab.folder / "totals.json", encoding="utf-8") as file:
        lab.expect(json.load(file) == {"Ada": 2, "Grace": 1, 'say "hi"': 1}, "totals.json has other totals")


@check("appends", "the next run adds to the log, and goes on counting", hint="truncated", needs=["totals"], points=2)
def appends(lab):
    record(lab, "Ada", "Grace")
    ended = record(lab, "Ada")
    lab.expect(names_of(lab, log_of(lab)[0]) == ["Ada", "Grace", "Ada"], f"after the second run the log has {log_of(lab)[0]}")
    lab.expect(ended.output() == "ok 3\n", f"the second run acknowledged {ended.output()!r}", hint="totals")
    lab.expect(totals(lab) == ["1 Grace", "2 Ada"], f"totals printed {totals(lab)}", hint="totals")


@check("acknowledges", "each entry is acknowledged before the next name comes", hint="not-acknowledged", needs=["records"])
def acknowledges(lab):
    program = lab.start("request_log", ".", "record", input=subprocess.PIPE)
    for number in (1, 2, 3):
        program.write("Ada\n")
        program.expect_output(f"ok {number}\n")


def kill_while_recording(lab, seed):
    """Kills the program in the middle. Returns how many entries it has acknowledged."""
    program = lab.start("request_log", ".", "record", input=subprocess.PIPE)
    dice = random.Random(seed)
    names = "".join(f"name-{dice.randrange(50)}\n" for _ in range(2000))
    program.write("Ada\n")
    program.expect_output("ok ")
    os.set_blocking(program.process.stdin.fileno(), False)
    try:
        os.write(program.process.stdin.fileno(), names.encode())
    except BlockingIOError:
        pass
    time.sleep(dice.random() * 0.01)
    program.send_signal(signal.SIGKILL)
    program.process.wait()
    return program.output().count("\n")


@check("kill", "an entry that was acknowledged is in the log, also after a kill", hint="acknowledged-too-early", needs=["acknowledges"], points=3)
def kill(lab):
    for seed in range(6):
        acknowledged = kill_while_recording(lab, seed)
        lines, _ = log_of(lab)
        names_of(lab, lines)
        lab.expect(len(lines) >= acknowledged, f"{acknowledged} entries were acknowledged, and the log has {len(lines)}")
        (lab.folder / "requests.jsonl").unlink()


@check("half-line", "half a line at the end is no entry, and does not damage the next one", hint="half-line", needs=["appends"], points=3)
def half_line(lab):
    record(lab, "Ada", "Grace")
    with open(lab.folder / "requests.jsonl", "ab") as file:
        file.write(b'{"name":"Bar')
    lab.step("added half a line, as a kill leaves it")
    lab.expect(totals(lab) == ["1 Ada", "1 Grace"], f"totals printed {totals(lab)}")
    record(lab, "Alan")
    lines, rest = log_of(lab)
    lab.expect(names_of(lab, lines) == ["Ada", "Grace", "Alan"] and not rest, f"the log is {lines}, and then {rest!r}")


@check("damage", "a damaged line in the middle is reported, and nothing is changed", hint="damage-hidden", needs=["half-line"], points=2)
def damage(lab):
    record(lab, "Ada", "Grace", "Alan")
    path = lab.folder / "requests.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines[1] = b'{"name":"Gr'
    path.write_bytes(b"\n".join(lines))
    for command in ("totals", "record"):
        ended = lab.run("request_log", ".", command, input="Barbara\n")
        lab.expect(ended.process.returncode != 0 and "2" in ended.errors(),
                   f"{command}: status {ended.process.returncode}, standard error {ended.errors()!r}: line 2 is damaged")
        lab.expect(path.read_bytes() == b"\n".join(lines), f"{command} has changed the log")


@check("replaced", "totals.json is replaced, so that a reader finds it whole", hint="not-replaced", needs=["totals"], points=3)
def replaced(lab):
    record(lab, "Ada")
    with open(lab.folder / "totals.json", "rb") as reader:
        record(lab, "Grace", "Alan")
        before = reader.read()
    lab.expect(before == b'{"Ada":1}\n', f"a reader that had opened totals.json before read {shown(before)}: the file was changed in place")
    left = sorted(entry.name for entry in lab.folder.iterdir())
    lab.expect(left == ["requests.jsonl", "totals.json"], f"the folder has {', '.join(left)}", hint="temporary-left")


@check("tenth", "the totals are replaced after every tenth entry", hint="totals", needs=["replaced"])
def tenth(lab):
    program = lab.start("request_log", ".", "record", input=subprocess.PIPE)
    program.write("Ada\n" * 10)
    program.expect_output("ok 10\n")
    path = lab.folder / "totals.json"
    lab.eventually("totals.json has ten entries", lambda: path.exists() and path.read_bytes() == b'{"Ada":10}\n')


@check("no-room", "without room the program says so, and acknowledges nothing that is not in the log", hint="no-room", needs=["kill"], points=3)
def no_room(lab):
    ended = lab.run("request_log", ".", "record", input=("x" * 900 + "\n") * 100)
    lab.step("files may have 64 KiB (RLIMIT_FSIZE)")
    lab.expect(ended.process.returncode != 0 and ended.errors(), f"status {ended.process.returncode}, standard error {ended.errors()!r}")
    lines, _ = log_of(lab)
    acknowledged = ended.output().count("\n")
    lab.expect(len(names_of(lab, lines)) >= acknowledged, f"{acknowledged} entries were acknowledged, and the log has {len(lines)}")
    lab.expect(totals(lab) == [f"{len(lines)} " + "x" * 900], "totals does not read the log that was left")


@check("two-writers", "two programs can record at the same time", hint="mixed-lines", needs=["kill"], points=2)
def two_writers(lab):
    names = [["A" * 40] * 300, ["B" * 40] * 300]
    programs = [lab.start("request_log", ".", "record", input="".join(name + "\n" for name in half)) for half in names]
    for program in programs:
        lab.expect(program.expect_end() == 0, f"standard error {program.errors()!r}")
    came = sorted(names_of(lab, log_of(lab)[0]))
    lab.expect(came == sorted(names[0] + names[1]), f"600 entries were recorded, and the log has {len(came)}")


@measure("torn", limit=60)
def torn(lab):
    count = 0
    for seed in range(20):
        kill_while_recording(lab, seed)
        count += log_of(lab)[1] != b""
        (lab.folder / "requests.jsonl").unlink()
    return count


@measure("ahead", limit=60)
def ahead(lab):
    most = 0
    for seed in range(20):
        acknowledged = kill_while_recording(lab, seed)
        most = max(most, len(log_of(lab)[0]) - acknowledged)
        (lab.folder / "requests.jsonl").unlink()
    return most


@measure("fsync-cost", limit=60)
def fsync_cost(lab):
    def seconds(sync):
        begin = time.monotonic()
        with open(lab.folder / "measured", "ab", buffering=0) as file:
            for _ in range(200):
                file.write(b"x" * 50 + b"\n")
                if sync:
                    os.fsync(file.fileno())
        return time.monotonic() - begin

    return statistics.median(seconds(True) / seconds(False) for _ in range(3))
