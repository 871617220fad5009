"""The stories of the examples about threads, coroutines, subprocesses and sockets: threads to welcome_udp."""
import os
import re

from stories import Story, in_any_order, maybe

SECONDS = r"\d\.\d\d"
PEER = r"127\.0\.0\.1:\d+"
GREETINGS = [r"Welcome!", r"Hello, Michael!", r"Hello, Tracy!", r"Hello, Sarah!"]


def taken_in_turns(lines):
    """fetch_pool: at most two fetches run, and a reply comes before the third begins."""
    running = 0
    for line in lines[:lines.index("All replies, in the order of the list:")]:
        running += 1 if line.startswith("GET") else -1
        if not 0 <= running <= 2:
            return f"{running} fetches run at '{line}'"
        if (said := re.search(r"\((\d) running\)", line)) and int(said[1]) != running:
            return f"'{line}', but {running} run"
    return None


def has_a_cause(lines):
    """balance_without_lock: the last round has the balance that the last line explains."""
    balances = [int(line.rsplit(" ", 1)[1]) for line in lines[:-1]]
    if any(balances[:-1]):
        return f"it continued after a wrong balance: {balances}"
    return None if (balances[-1] != 0) == ("lost" in lines[-1]) else f"the balances {balances} do not fit the last line"


STORIES = [
    Story("threads", [
        r"thread MainThread is running\.\.\.",
        r"thread LoopThread is running\.\.\.",
        *[rf"thread LoopThread >>> {i}" for i in range(1, 6)],
        r"thread LoopThread ended\.",
        r"thread MainThread ended\."]),
    Story("thread_subclass", [
        in_any_order(
            [r"thread Adder-10 is running\.\.\.", r"thread Adder-10 ended\.", r"Adder-10: the sum is 55",
             r"Adder-1000: the sum is 500500"],
            [r"thread Adder-1000 is running\.\.\.", r"thread Adder-1000 ended\."])]),
    Story("balance_without_lock", [
        r"Round 1: the balance is -?\d+",
        *[maybe(rf"Round {i}: the balance is -?\d+") for i in range(2, 101)],
        r"It should be 0(\. Updates were lost, and there was no error message\.|, and it is\. .*)"], check=has_a_cause),
    Story("balance_with_lock", [
        *[rf"Round {i}: the balance is 0" for i in range(1, 6)],
        r"It should be 0, and always is: a thread waits until the other one has unlocked\."]),
    Story("recursive_lock", [
        r"With a plain lock:",
        r"Deposit 100 with a bonus",
        r"deadlock: thread MainThread holds lock 'the lock' and waits for 'the lock'.*",
        r"With a recursive lock:",
        r"Deposit 100 with a bonus",
        r"Deposit 100: the balance is 100",
        r"Deposit 1: the balance is 101"]),
    Story("deadlock", [
        r"Crosswise:",
        in_any_order(r"thread A holds its first lock", r"thread B holds its first lock"),
        # The thread that would close the cycle gives up, and the other one goes on.
        r"deadlock: thread (?P<loser>A|B) holds lock '(?P<held>x|y)' and waits for '(?P<wanted>x|y)'; "
        r"thread (?P<winner>A|B) holds '(?P=wanted)' and waits for '(?P=held)'.*",
        r"thread (?P=loser) gives up its first lock",
        r"thread (?P=winner) holds both locks",
        r"Together:",
        in_any_order(r"thread A holds both locks", r"thread B holds both locks"),
        r"No thread waits any more\."]),
    Story("busy_cores", [
        r"(?P<cores>\d+) cores: one thread each computes for half a second",
        *[rf"core {core}: \d+ % busy" for core in sorted(os.sched_getaffinity(0))],
        rf"this program: \d+\.\d\d s of CPU time in {SECONDS} s, so \d+\.\d of (?P=cores) cores",
        maybe(r"Other programs ran at the same time, .*")]),
    Story("thread_local_passed", [
        in_any_order(r"Hello, Alice \(in Thread-A\)", r"Hello, Bob \(in Thread-B\)")]),
    Story("thread_local_map", [
        in_any_order(r"Hello, Alice \(in Thread-A\)", r"Hello, Bob \(in Thread-B\)"),
        r"0 students are left in the map"]),
    Story("thread_local_variable", [
        in_any_order(r"Hello, Alice \(in Thread-A\)", r"Hello, Bob \(in Thread-B\)"),
        r"No student \(in MainThread\)"]),
    Story("producer_consumer", [
        line for i in range(1, 6) for line in (
            rf"\[PRODUCER\] Producing {i}\.\.\.",
            rf"\[CONSUMER\] Consuming {i}\.\.\.",
            r"\[PRODUCER\] Consumer return: 200 OK")]),
    Story("interleaved", [
        r"one after the other: 1 2 3 x y z",
        r"in turns of one:     1 x 2 y 3 z",
        r"in turns of two:     1 2 x y 3 z"]),
    Story("fetch_three", [
        *[rf"GET: wait {time}" for time in (300, 200, 100)],
        in_any_order(*[rf"14 bytes received from wait {time}\." for time in (300, 200, 100)]),
        r"Three fetches took \d+\.\d s\. One after the other, they would take 0\.6 s\."]),
    Story("fetch_pool", [
        in_any_order(
            [rf"GET: wait {time} \([12] running\)" for time in (300, 100, 150, 50, 200)],
            *[rf"1[34] bytes received from wait {time}\." for time in (300, 100, 150, 50, 200)]),
        r"All replies, in the order of the list:",
        *[rf"waited {time} ms" for time in (300, 100, 150, 50, 200)]], check=taken_in_turns),
    Story("network_queue", [
        r"This example needs a queue over the network, which this version of parley does not have\.",
        r"A master would .*",
        r"Between processes of one machine, run the example queue_two_writers\."]),
    Story("run_ls", [
        r"\$ ls -l", r"total \d+", r"-rw.* 6 .* notes\.txt", r"Exit code: 0",
        r"\$ ls -l missing\.txt", r"Exit code: 2",
        r"\$ ls -l missing\.txt, checked", r"An exception: ls -l missing\.txt: exit code 2",
        r"\$ no-such-program", r"An exception: exec no-such-program: No such file or directory"],
        errors=[r"ls: .*missing\.txt'?: No such file or directory"] * 2),
    Story("shell_line", [
        r"With a shell:", r"a\.txt b\.txt 42", r"2", r"Exit code: 3",
        r"Without a shell:", r"\*\.txt \$\(\(6 \* 7\)\)",
        r"A name that a user has typed, with a shell:", r"a\.txt", r"This could be any command\.",
        r"The same name, without a shell:",
        r"ls: .*a\.txt; echo This could be any command\.'?: No such file or directory"]),
    Story("wait_or_not", [
        r"call waits:", r"sleep 0\.2 has ended, after \d+\.\d seconds\.",
        r"subprocess does not wait:", r"cat is running: true", r"main goes on, and ends the input of cat\.",
        r"wait: exit code 0",
        r"A time limit, and a signal:", r"sleep 60 is running after 50 ms: true", r"terminate: killed by SIGTERM",
        r"The last sleep 60 ends with its object, at the end of main\."]),
    Story("ls_wc", [
        r"ls: exit code 0; wc: exit code 0",
        r"By hand:      3", r"run_pipeline: 3", r"By a shell:   3"]),
    Story("communicate", [
        r"\$ cat", r"one", r"two", r"three", r"Exit code: 0",
        r"\$ sort", r"one", r"three", r"two", r"Exit code: 0",
        r"cat: a million bytes, and the same come back: true"]),
    Story("welcome_tcp", [
        r"Waiting for connection\.\.\.",
        rf"Accept new connection from (?P<peer>{PEER})\.\.\.",
        *GREETINGS,
        r"Connection from (?P=peer) closed\."], arguments=["0"]),
    Story("welcome_tcp", [], arguments=["client", "65536"], status=1, errors=[
        r"welcome_tcp: bad address '127\.0\.0\.1:65536': .*"]),
    Story("welcome_unix", [
        r"Waiting for connection\.\.\.",
        r"Accept new connection from process (?P<peer>\d+) of user \d+\.\.\.",
        *GREETINGS,
        r"Connection from process (?P=peer) closed\."]),
    Story("welcome_udp", [
        rf"Bind UDP on udp:{PEER}\.\.\.",
        rf"Received from udp:(?P<peer>{PEER})\.", r"Hello, Michael!",
        r"Received from udp:(?P=peer)\.", r"Hello, Tracy!",
        r"Received from udp:(?P=peer)\.", r"Hello, Sarah!"], arguments=["0"]),
]
