"""What a lab's checks.py is written with: the decorators `check` and `measure`, and the helpers of `Lab`.

    from lab_tool.checking import check

    HINTS = {"one-client": {"en": "...", "zh": "...", "read": "man 2 accept"}}

    @check("several-clients", "serves several clients, one after the other", hint="one-client")
    def several_clients(lab):
        server = lab.start_server("welcome_server", 0)
        for name in ("Ada", "Grace"):
            client = lab.connect(server)
            client.expect("Welcome!\\n")

A helper that does not get what it expects ends the check. The report names the steps until then, what came, and the
hint: that of the innermost `with lab.hint(ID):`, else that of the check. A program that crashed has its signal's hint.
"""

import os
import random
import re
import select
import signal
import socket
import struct
import subprocess
import time
from contextlib import contextmanager

from . import proc
from .hints import OF_SIGNALS
from .parley import build_targets, find_parley
from .sandbox import wait_for

REPLY_LIMIT = 5.0  # seconds that a helper waits; only a program that hangs needs them


class Failed(Exception):
    """A check failed. `got` says what came instead; `hint` overrides the one in force."""

    def __init__(self, got, hint=None):
        super().__init__(got)
        self.got, self.hint = got, hint


def check(id, sentence, hint, needs=(), points=1, limit=20):
    """Marks a function as a check. Checks run in the order of the file: the most important stands first.

    id        short name, for needs and for files
    sentence  what is true if it passes: "serves several clients, one after the other"
    hint      id of the hint that is shown if it fails
    needs     ids of checks without which this one makes no sense
    limit     seconds for all of it
    """
    def mark(function):
        function.check = {"id": id, "sentence": sentence, "hint": hint, "needs": tuple(needs), "points": points, "limit": limit}
        return function
    return mark


def measure(id, limit=30):
    """Marks a function that returns the value of the prediction `id` of lab.json: a count or a ratio, never a time."""
    def mark(function):
        function.measure = {"id": id, "limit": limit}
        return function
    return mark


def shown(data):
    """Returns bytes as a text in quotes, shortened, for messages."""
    text = data.decode(errors="backslashreplace") if isinstance(data, bytes) else data
    text = text if len(text) <= 120 else f"{text[:80]}...{text[-30:]}"
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t").replace("\0", "\\0")
    return '"' + "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in escaped) + '"'


def as_bytes(data):
    return data.encode() if isinstance(data, str) else data


class Program:
    """A program of the student that was started: its process, its output so far, and facts about it."""

    def __init__(self, lab, name, process, output, errors, input=None):
        self.lab, self.name, self.process, self.input = lab, name, process, input
        self._output, self._errors = output, errors
        self.pid = process.pid

    @staticmethod
    def _text(path):
        with open(path, "rb") as file:
            return file.read(1 << 20).decode(errors="replace")

    def output(self):
        """Returns what it has printed so far: at most 1 MiB."""
        return self._text(self._output)

    def errors(self):
        """Returns what it has printed to standard error so far."""
        return self._text(self._errors)

    def is_running(self):
        return self.process.poll() is None

    def ended_how(self):
        """Returns "still runs", "status 1" or "signal SIGPIPE"."""
        status = self.process.poll()
        if status is None:
            return "still runs"
        return f"status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"

    def ended_by(self):
        """Returns the name of the signal that ended it, or None."""
        status = self.process.poll()
        return signal.Signals(-status).name if status is not None and status < 0 else None

    def send_signal(self, number):
        self.lab.step(f"sent {signal.Signals(number).name} to {self.name}")
        self.process.send_signal(number)

    def pause(self):
        """Stops the process, and waits until it has stopped: what clients do then waits in the kernel."""
        self.send_signal(signal.SIGSTOP)
        self.lab.eventually(f"{self.name} stops", lambda: proc.state(self.pid) in ("T", None))

    def resume(self):
        self.send_signal(signal.SIGCONT)

    def write(self, text):
        """Sends text to its standard input. Only after lab.start(..., input=subprocess.PIPE)."""
        self.lab.step(f"typed {shown(text)}")
        self.process.stdin.write(as_bytes(text))
        self.process.stdin.flush()

    def close_input(self):
        self.process.stdin.close()

    def expect_end(self, limit=REPLY_LIMIT):
        """Waits until it ends, and returns its status. A program ended by a signal fails the check."""
        if wait_for(self.process, limit) is None:
            self.lab.fail(f"{self.name} {self._doing()} {limit:g} s later", hint="busy-loop" if self.is_busy() else None)
        if signal_name := self.ended_by():
            self.lab.fail(f"{self.name} was ended by {signal_name}", hint=OF_SIGNALS.get(signal_name))
        return self.process.returncode

    def expect_output(self, text, limit=REPLY_LIMIT):
        """Waits until its output contains a text."""
        deadline = time.monotonic() + limit
        while text not in self.output():
            if not self.is_running() and text not in self.output():
                self.lab.fail(f"expected {shown(text)} in the output; {self.name} ended with {self.ended_how()} after "
                              f"{shown(self.output())}; its standard error: {shown(self.errors())}")
            if time.monotonic() > deadline:
                self.lab.fail(f"expected {shown(text)} in the output, and after {limit:g} s it is {shown(self.output())}")
            time.sleep(0.005)

    def end(self):
        """Ends it by SIGTERM, and by SIGKILL if it still runs a second later."""
        self.lab.step(f"ended {self.name}")
        self.lab.sandbox.end(self.process)

    # Facts for checks.
    def is_busy(self):
        """True if it computes instead of waiting: its state is R, three times in a row."""
        for _ in range(3):
            if proc.state(self.pid) != "R":
                return False
            time.sleep(0.02)
        return True

    def _doing(self):
        return "is still busy (state R)" if self.is_busy() else "still runs"

    def descriptors(self):
        return proc.descriptors(self.pid)

    def threads(self):
        return proc.threads(self.pid)

    def children(self):
        return proc.children(self.pid)

    def zombies(self):
        return proc.zombies(self.pid)


class Server(Program):
    """A program that serves a port."""

    port = 0


class Client:
    """The check's end of a TCP connection to a program."""

    def __init__(self, lab, program, connection):
        self.lab, self.program, self.socket = lab, program, connection
        self.received = b""  # and not yet expected

    def send(self, data):
        data = as_bytes(data)
        self.lab.step(f"sent {shown(data)}")
        try:
            self.socket.sendall(data)
        except OSError as error:
            self._lost(f"cannot send {shown(data)}: {error.strerror}")

    def send_in_pieces(self, *pieces):
        """Sends each piece when the program has read the one before, so that each is a recv(2) of its own."""
        for piece in pieces:
            self.send(piece)
            self.wait_until_read()

    def wait_until_read(self):
        """Waits until the program has read all that was sent (its receive queue is empty)."""
        own, other = self.socket.getsockname()[1], self.socket.getpeername()[1]
        self.lab.eventually("the program reads what was sent",
                            lambda: all(found["unread"] == 0 for found in proc.connections(other, own)))

    def _receive(self, deadline):
        """Receives what has come. Returns b"" at the end of input, None after the time."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.socket], [], [], left)[0]:
            return None
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            self._lost("the connection was reset")

    def expect(self, text, limit=REPLY_LIMIT):
        """Receives exactly this text. Anything else, the end of input or silence fails the check."""
        expected, deadline = as_bytes(text), time.monotonic() + limit
        while len(self.received) < len(expected):
            if not expected.startswith(self.received):
                break
            data = self._receive(deadline)
            if data is None:
                self._lost(f"expected {shown(expected)}, received {shown(self.received)} and then nothing for {limit:g} s")
            if data == b"":
                self._lost(f"expected {shown(expected)}, received {shown(self.received)} and then the end of input")
            self.received += data
        if not self.received.startswith(expected):
            self._lost(f"expected {shown(expected)}, received {shown(self.received)}")
        self.received = self.received[len(expected):]

    def receive_line(self, limit=REPLY_LIMIT):
        """Returns the next line, without its newline."""
        deadline = time.monotonic() + limit
        while b"\n" not in self.received:
            if not (data := self._receive(deadline)):
                self._lost(f"expected a line, received {shown(self.received)} and then "
                           + ("the end of input" if data == b"" else f"nothing for {limit:g} s"))
            self.received += data
        line, _, self.received = self.received.partition(b"\n")
        return line.decode(errors="backslashreplace")

    def receive_some(self, limit=REPLY_LIMIT):
        """Returns what comes next, or b"" at the end of input or after a reset. Silence fails the check."""
        if self.received:
            data, self.received = self.received, b""
            return data
        deadline = time.monotonic() + limit
        if not select.select([self.socket], [], [], limit)[0]:
            self._lost(f"nothing came for {limit:g} s")
        try:
            return self._receive(deadline) or b""
        except Failed:  # a reset
            return b""

    def expect_end(self, limit=REPLY_LIMIT):
        """Waits for the end of input. More bytes or silence fail the check."""
        data = self.received or self._receive(time.monotonic() + limit)
        if data is None:
            self._lost(f"expected the end of input, and nothing came for {limit:g} s: the connection is still open")
        if data:
            self._lost(f"expected the end of input, received {shown(data)}")

    def shutdown_write(self):
        """Closes the sending direction: the program reads the end of input, and can still reply."""
        self.lab.step("closed the sending direction")
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        """Closes with a reset, as a client does that crashes with unread input."""
        self.lab.step("reset the connection")
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def close(self):
        self.lab.step("closed the connection")
        self.socket.close()

    def _lost(self, got):
        """Fails; says how the program ended, which is often the reason."""
        program, hint = self.program, None
        if program:
            wait_for(program.process, 0.2 if "end of input" in got or "reset" in got else 0)
            if not program.is_running():
                got += f"; {program.name} had ended: {program.ended_how()}"
                got += f", standard error {shown(program.errors())}" if program.errors() else ""
                hint = OF_SIGNALS.get(program.ended_by())
            elif program.is_busy():
                got += f"; {program.name} is busy (state R)"
        self.lab.fail(got, hint=hint)


class Lab:
    """The argument of a check: starts programs, connects to them, and looks at them. All ends with the check."""

    def __init__(self, sandbox, programs, folder, name):
        self.sandbox, self.programs = sandbox, programs
        self.folder = folder  # private to the check; the current folder of its programs
        self.name = name
        self.steps, self.hints, self._files, self._open = [], [], 0, []

    # What the report needs.
    def step(self, text):
        """Notes what was done, for the report of a failure."""
        self.steps.append(text)

    def fail(self, got, hint=None):
        """Ends the check: failed. `got` says what came instead of what was expected."""
        raise Failed(got, hint or (self.hints[-1] if self.hints else None))

    def expect(self, condition, got, hint=None):
        """Fails with `got` if the condition is false."""
        if not condition:
            self.fail(got, hint)

    @contextmanager
    def hint(self, id):
        """Gives failures inside the block another hint than that of the check."""
        self.hints.append(id)
        yield
        self.hints.pop()  # not after a failure: fail() has read it

    def eventually(self, what, is_true, limit=REPLY_LIMIT, hint=None):
        """Polls until is_true(). Only for facts that have no event to wait for, such as those of /proc."""
        deadline = time.monotonic() + limit
        while not is_true():
            if time.monotonic() > deadline:
                self.fail(f"waited {limit:g} s until {what}: in vain", hint)
            time.sleep(0.002)

    # Programs.
    def file(self, name, data=""):
        """Creates a file in the check's folder, which the programs may change. Returns its path."""
        path = self.folder / name
        path.write_bytes(as_bytes(data))
        self.sandbox.own(path)
        return path

    def start(self, program, *arguments, input=b"", environment=None, kind=Program):
        """Starts a program of the lab. `input` is its standard input: bytes, or subprocess.PIPE to write() later."""
        self._files += 1
        files = [self.sandbox.folder / f"{self.name}.{self._files}.{end}" for end in ("out", "err", "in")]
        self.step(f"started {' '.join([program, *map(str, arguments)])}")
        stdin = input
        with open(files[0], "wb") as output, open(files[1], "wb") as errors:
            if input is not subprocess.PIPE:
                files[2].write_bytes(as_bytes(input))
                stdin = open(files[2], "rb")
            words = [self.programs[program], *arguments]
            process = self.sandbox.spawn(words, self.folder, stdin, output, errors, environment)
            if input is not subprocess.PIPE:
                stdin.close()
        return kind(self, program, process, *files[:2])

    def add_parley_program(self, name):
        """Lets start() and run() also start a program of parley, such as parley-load."""
        if name not in self.programs:
            parley = find_parley()
            build_targets(parley, name)
            self.programs[name] = self.sandbox.install(parley / "bin" / name)

    def run(self, program, *arguments, input=b"", limit=REPLY_LIMIT, environment=None):
        """Runs a program to its end and returns it: see output(), errors(), process.returncode."""
        started = self.start(program, *arguments, input=input, environment=environment)
        started.expect_end(limit)
        return started

    def start_server(self, program, *arguments, ready=r"listening on \S*:(\d+)", limit=REPLY_LIMIT, hint=None, environment=None):
        """Starts a server and waits for its ready line. The first group of `ready` is the port."""
        server = self.start(program, *arguments, environment=environment, kind=Server)
        deadline = time.monotonic() + limit
        while not (found := re.search(f"(?:{ready})[^\n]*\n", server.output())):
            if not server.is_running():
                hint = OF_SIGNALS.get(server.ended_by()) or hint or "not-ready"
                self.fail(f"{program} ended with {server.ended_how()} before it was ready; it printed {shown(server.output())}, "
                          f"on standard error {shown(server.errors())}", hint)
            if time.monotonic() > deadline:
                listens = any(target.startswith("socket:") for target in server.descriptors().values())
                self.fail(f"no line like 'listening on 127.0.0.1:PORT' within {limit:g} s; its output: {shown(server.output())}",
                          "not-flushed" if listens else "not-ready")
            time.sleep(0.002)
        server.port = int(found[1])
        return server

    # Connections.
    def connect(self, server, limit=REPLY_LIMIT, hint=None):
        """Connects to a server's port on 127.0.0.1, and returns the Client. `hint` is for a server that runs and refuses."""
        self.step("connected")
        connection = socket.socket()
        connection.settimeout(limit)
        try:
            connection.connect(("127.0.0.1", server.port))
        except OSError as error:
            got = f"connect to 127.0.0.1:{server.port}: {error.strerror or 'no reply'}"
            if server.is_running():
                self.fail(got, hint)
            self.fail(f"{got}; {server.name} had ended: {server.ended_how()}, standard error {shown(server.errors())}",
                      OF_SIGNALS.get(server.ended_by()))
        self._open.append(connection)
        return Client(self, server, connection)

    def free_port(self):
        """Returns a port at which nothing listens now. The kernel gives none below 32768 to connections meanwhile."""
        for port in random.sample(range(20000, 32000), 100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) != 0:
                    return port
        raise OSError("no port is free")

    def listen(self):
        """Returns a Listener of the check itself, for programs that are clients."""
        return Listener(self)

    def close(self):
        """Closes the connections that the check has left open."""
        for connection in self._open:
            connection.close()


class Listener:
    """A server played by the check: accept() returns the connection of a program."""

    def __init__(self, lab):
        self.lab, self.socket = lab, socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        lab._open.append(self.socket)

    def accept(self, program, limit=REPLY_LIMIT):
        """Waits until the program connects."""
        deadline = time.monotonic() + limit
        while not select.select([self.socket], [], [], 0.02)[0]:
            if not program.is_running():
                self.lab.fail(f"{program.name} ended with {program.ended_how()} without connecting; its standard error: "
                              f"{shown(program.errors())}", OF_SIGNALS.get(program.ended_by()))
            if time.monotonic() > deadline:
                self.lab.fail(f"{program.name} did not connect within {limit:g} s")
        connection, _ = self.socket.accept()
        self.lab.step(f"accepted the connection of {program.name}")
        self.lab._open.append(connection)
        return Client(self.lab, program, connection)


__all__ = ["check", "measure", "Failed", "Lab", "Program", "Server", "Client", "Listener", "shown", "proc", "subprocess", "signal", "os"]
