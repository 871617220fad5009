"""The stories of the examples about files and processes: environment to shared_lock."""
import os
import re

from stories import Story, in_any_order, maybe

PID = r"\d+"
SECONDS = r"\d\.\d\d"


def task(number):
    """The lines of one task."""
    return [rf"Run task {number} \({PID}\)\.\.\.", rf"Task {number} runs {SECONDS} seconds\."]


TASKS = [task(number) for number in range(5)]
WAITING = r"Waiting for all subprocesses done\.\.\."
DONE = r"All subprocesses done\."


def pool(size):
    """The lines of a pool. Which task is printed when is open, but the parent waits after it has handed them over."""
    return [rf"Parent process {PID}, a pool of {size}\.", in_any_order(WAITING, *TASKS), DONE]


def pool_sizes(lines):
    """No pool uses more workers than its size, and none of them is the parent."""
    for text in "\n".join(lines).split("Parent process ")[1:]:
        parent, size = re.match(r"(\d+), a pool of (\d+)", text).groups()
        workers = set(re.findall(r"Run task \d \((\d+)\)", text))
        if len(workers) > int(size) or parent in workers:
            return f"the tasks of a pool of {size} ran in the processes {', '.join(sorted(workers))}; the parent is {parent}"
    return None


def async_workers(lines):
    """apply_async() uses at most the three workers of its pool. That apply() waits is in the order of the story."""
    workers = set(re.findall(r"Run task \d \((\d+)\)", "\n".join(lines).split("apply_async:")[1]))
    return None if len(workers) <= 3 else f"a pool of 3 used {len(workers)} processes"


def additions(lines):
    """Each line of shared_lock is a correct addition, and the number is the result of one of the last ones."""
    unlocked = lines[lines.index("Without a lock:") + 1:lines.index("With a lock:")]
    results = {}
    for line in unlocked[:-1]:
        old, summand, new = map(int, re.findall(r"\d+", line))
        if old + summand != new:
            return f"'{line}' is not a correct addition"
        results[summand] = new
    number = int(re.findall(r"\d+", unlocked[-1])[0])
    return None if number in results.values() else f"the number is {number}, but the last results are {results}"


def locked_additions(first, second):
    numbers, value = [], 0
    for summand in [first] * 5 + [second] * 5:
        numbers.append(rf"{value} \+ {summand} = {value + summand}")
        value += summand
    return numbers


def under_lock(lines):
    """With the lock, one process adds five times before the other one begins."""
    came = lines[lines.index("With a lock:") + 1:-1]
    orders = [[re.sub(r"\\", "", line) for line in locked_additions(*order)] for order in ((1, 3), (3, 1))]
    return additions(lines) or (None if came in orders else f"the additions under the lock are {came}")


def queue(writers):
    """The lines of a queue: a writer's items keep their order, and so do those that are read."""
    return [*([rf"Process to write: {PID}", *[rf"Put {item} to queue\.\.\." for item in items]] for items in writers)]


def items_come_in_order(lines):
    """Items are read in the order of each writer, and none before it is put."""
    read = "".join(re.findall(r"Get (.) from queue", "\n".join(lines)))
    for items in ("ABC", "DEF"):
        if "".join(item for item in read if item in items) != items:
            return f"the items were read in the order {read}"
    for item in "ABCDEF":
        if lines.index(f"Put {item} to queue...") > lines.index(f"Get {item} from queue."):
            return f"{item} was read before it was put"
    return None


STORIES = [
    Story("environment", [
        r"The system is Linux\.",
        r"This process has \d+ variables\. One of them: PATH=.*",
        r"GREETING is \(not set\)\.",
        r"GREETING is hello\.",
        r"Child: GREETING is hello\. I set it to bye\.",
        r"Parent: GREETING is still hello\.",
        r"GREETING is \(not set\)\."]),
    Story("paths", [
        r"join:      /Users/ada/notes/file\.txt",
        r"join:      /etc/hosts",
        r"split:     /Users/ada/notes and file\.txt",
        r"extension: file and \.txt",
        r"extension: of archive\.tar\.gz it is \.gz",
        r"replace:   /Users/ada/notes/file\.bak",
        r"parts:", r" +/", r" +Users", r" +ada", r" +notes", r" +file\.txt",
        r"normal:    /Users/ada/new",
        r"relative:  notes/file\.txt",
        r"absolute:  /.*/parley-example-\w{6}/file\.txt",
        r"exists:    false"]),
    Story("list_folder", [
        r"All:", r"    README", r"    docs", r"    main\.py", r"    src",
        r"Folders:", r"    docs", r"    src",
        r"Files:", r"    README", r"    main\.py",
        r"All, and all below:", r"    README", r"    docs", r"    main\.py", r"    src", r"    src/net",
        r"    src/net/socket\.py", r"    src/tool\.py"]),
    Story("find_by_ending", [
        r"Files that end in \.py in this folder:", r"    main\.py", r"    test\.py",
        r"And in the folders below:", r"    main\.py", r"    src/net/socket\.py", r"    src/tool\.py", r"    test\.py"]),
    Story("folders", [
        r"make testdir: done",
        r"make a/b/c: No such file or directory",
        r"make a/b/c with its parents: done",
        r"rename test\.txt to test\.py: done",
        r"test\.txt exists: false, test\.py exists: true",
        r"rename test\.txt again: No such file or directory",
        r"remove test\.py: done",
        r"remove testdir: done",
        r"remove a: Directory not empty",
        r"remove a with all that is in it: done",
        r"The folder is empty: true"]),
    Story("copy_move", [
        r"At first:", r"    project/notes\.txt", r"    project/src/main\.py",
        r"copy\.txt is the same file as project/notes\.txt: false",
        r"project/moved\.txt is the same file as copy\.txt was: true",
        r"After a copy of the tree:", r"    backup/moved\.txt", r"    backup/notes\.txt", r"    backup/src/main\.py",
        r"    project/moved\.txt", r"    project/notes\.txt", r"    project/src/main\.py",
        r"After the tree was moved, and the project removed:",
        r"    archive/moved\.txt", r"    archive/notes\.txt", r"    archive/src/main\.py"]),
    Story("file_status", [
        r"tool\.sh is a regular file: true",
        r"tool\.sh is a folder: false",
        r"size: 21 bytes",
        r"it belongs to me: true",
        r"last change: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
        r"size after 7 bytes more: 28 bytes",
        r"tool\.sh has the mode 644; execute it: not allowed",
        r"tool\.sh has the mode 755; execute it: allowed",
        r"tool\.sh has the mode 400; execute it: not allowed"]),
    Story("read_file", [
        r"whole: 27 bytes",
        r"piece: 8 bytes 'first li'", r"piece: 8 bytes 'ne\|secon'", r"piece: 8 bytes 'd\|\|the l'", r"piece: 3 bytes 'ast'",
        r"piece: 0 bytes, the end of the file",
        r"line 1: 'first line'", r"line 2: 'second'", r"line 3: ''", r"line 4: 'the last'"]),
    Story("file_modes", [
        r"mode r\+ and 'one': No such file or directory",
        r"mode w  and 'first': the file contains 'first'",
        r"mode a  and '-end': the file contains 'first-end'",
        r"mode r\+ and 'F': the file contains 'First-end'",
        r"mode wx and 'new': File exists",
        r"mode w  and 'again': the file contains 'again'",
        r"no buffer: 2 bytes after 'ab', 4 after 'c' and a line end, 4 after a flush",
        r"a buffer for a line: 0 bytes after 'ab', 4 after 'c' and a line end, 4 after a flush",
        r"a buffer for a block: 0 bytes after 'ab', 0 after 'c' and a line end, 4 after a flush"]),
    Story("close_on_every_path", [
        r"owner, to the end: 0 files leaked", r"owner, early return: 0 files leaked", r"owner, exception: 0 files leaked",
        r"by hand, to the end: 0 files leaked", r"by hand, early return: 1 files leaked",
        r"by hand, exception: 0 files leaked"]),
    Story("serialise_json", [
        r'an object: \{"age":20,"name":"Bob","score":88\}',
        r"restored: Bob, 20 years, score 88",
        r"from the file: Bob, 20 years, score 88",
        r"from the file: Ada, 19 years, score 97",
        r"refused: .*key 'score' not found",
        r"refused: .*must be number, but is string",
        r"refused: .*parse error.*"]),
    Story("serialise_cbor", [
        r"\[1,23,24,1000\] as CBOR: 84 01 17 18 18 19 03 e8",
        r'\{"Ada":97,"Bob":88\} has 19 bytes as JSON, and 13 as CBOR',
        r"from the file: Ada 97",
        r"from the file: Bob 88",
        r"refused, a byte is missing: .*CBOR.*",
        r"only a text: os\.system",
        r"only a text: rm -r /"]),
    Story("fork", [
        r"Process \((?P<parent>\d+)\) start\.\.\.",
        in_any_order([r"I \((?P=parent)\) just created a child process \(\d+\)\."],
                     [r"I am child process (?P<child>\d+) and my parent is (?P=parent)\.",
                      r"The child has changed its copy of number to 2\."]),
        r"Child (?P=child) has ended with exit code 7\.",
        r"The number of the parent is still 1\."]),
    Story("process_join", [
        r"Parent process \d+\.",
        r"Process will start\.",
        r"Run child process test \(\d+\)\.\.\.",
        r"Process end: exit code 0\.",
        r"The sleeper has ended within 50 ms: false",
        r"The sleeper is running: true",
        r"The sleeper is running: false",
        r"The sleeper has ended: killed by SIGTERM\."]),
    Story("five_processes", [
        r"Parent process \d+\.",
        *[line for lines in TASKS for line in lines],
        rf"One after the other: {SECONDS} seconds\.",
        in_any_order(WAITING, *TASKS),
        DONE,
        rf"At the same time: {SECONDS} seconds\."]),
    Story("process_subclass", [
        r"Parent process (?P<parent>\d+)\.",
        r"Function \((?!(?P=parent)\))\d+\): hello, Ada\.",
        r"Object \((?!(?P=parent)\))\d+\): the total is 3\.",
        r"Parent \((?P=parent)\): the total is still 0\.",
        r"Subclass \((?P<child>\d+)\): 3", r"Subclass \((?P=child)\): 2", r"Subclass \((?P=child)\): 1"]),
    Story("pool", [*pool(3), *pool(4), *pool(5), *pool(r"\d+")], check=pool_sizes),
    Story("pool", pool(1), arguments=["1"], check=pool_sizes),
    Story("pool", [], arguments=["0"], status=2,
          errors=[r"example_pool: the argument is not a size from 1 to 100; try 3"]),
    Story("apply_and_apply_async", [
        r"Parent process \d+\.",
        r"apply:", *[line for lines in TASKS for line in lines], WAITING,
        rf"All subprocesses done, after {SECONDS} seconds\.",
        r"apply_async:", in_any_order(WAITING, *TASKS),
        rf"All subprocesses done, after {SECONDS} seconds\."], check=async_workers),
    Story("pool_results", [
        r"get: 1", r"get: 4", r"get: 9", r"get: 16", r"get: 25",
        r"map: 1", r"map: 4", r"map: 9", r"map: 16", r"map: 25",
        r"done within 50 ms: false",
        r"get without a limit: forty-two",
        r"callback: 4",
        r"exception: task root: -1 has no real root",
        DONE]),
    Story("queue_one_writer", [
        # The reader is terminated, and may not have got the last item if the machine is busy.
        in_any_order(*queue(["ABC"]), [rf"Process to read: {PID}", r"Get A from queue\.", r"Get B from queue\.",
                                       maybe(r"Get C from queue\.")]),
        r"The reader has ended: killed by SIGTERM\."]),
    Story("queue_two_writers", [
        in_any_order(*queue(["ABC", "DEF"]), [
            rf"Process to read: {PID}", in_any_order(*[rf"Get {item} from queue\." for item in "ABCDEF"])]),
        r"The queue is closed and empty\.",
        r"The reader has ended: exit code 0\."], check=items_come_in_order),
    Story("queue_full_empty", [
        r"Put A without waiting: ok", r"Put B without waiting: ok", r"Put C without waiting: full",
        r"Put C within 50 ms: full",
        in_any_order(r"Get A from queue\.", r"Put C, however long it takes: ok"),
        r"The queue has 2 items\.",
        r"Get B from queue\.", r"Get C from queue\.",
        r"Get without waiting: empty",
        r"Get within 50 ms: empty",
        r"Put D after close: closed",
        r"Get after close: closed"]),
    Story("pipe_duplex", [
        *[line for text in ("hello", "how are you", "") for line in (
            rf"Parent: I send '{text}'\.",
            rf"Child: received '{text}', and I send its length\.",
            rf"Parent: received {len(text)}\.")],
        in_any_order(r"Child: the end of input\.", r"Parent: I have sent all\. More input from the child: false"),
        r"Parent: the child has ended with exit code 0\."]),
    Story("pipe_one_way", [
        in_any_order([r"Parent: sent: true", r"Parent: sent: true"],
                     [r"Child: Ada has 97 points\.", r"Child: Bob has 88 points\.", r"Child: Cleo has 91 points\.",
                      r"Child: the end of input\."]),
        r"Parent: nothing came within 50 ms: true",
        r"Parent: sent without a reader: false"]),
    Story("shared_value", [
        r"Child: shared is 3\.1415927, own is 3\.1415927\.",
        r"Parent: shared is 3\.1415927, own is 0(\.0)?\.",
        r"Parent: after it was doubled under its lock, shared is 6\.2831854\."]),
    Story("shared_array", [
        r"At first: 0 1 2 3 4 5 6 7 8 9",
        r"Both halves negated: 0 -1 -2 -3 -4 -5 -6 -7 -8 -9",
        r"Sum: -45",
        r"Refused: index 10 in a shared array of 10"]),
    Story("shared_lock", [
        r"Without a lock:",
        in_any_order([r"\d+ \+ 1 = \d+"] * 5, [r"\d+ \+ 3 = \d+"] * 5),
        r"The number is \d+\.",
        r"With a lock:",
        in_any_order([r"\d+ \+ 1 = \d+"] * 5, [r"\d+ \+ 3 = \d+"] * 5),
        r"The number is 20\."], check=under_lock),
]
