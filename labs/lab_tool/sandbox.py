"""The sandbox of students' programs: a private folder, a network and a user of their own, limits, and their end.

Such programs are not hostile, but they have mistakes: they fork without end, fill memory and disk, hang, and leave
daemons. The checking process is a "child subreaper" (prctl(2)): a descendant whose parent has ended becomes its child,
even after setsid(2). So end_all() finds every process that a program has started.
"""

import ctypes
import fcntl
import os
import resource
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from . import proc

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
# Users that own no files: systemd takes its dynamic users from here. Each check process has another one, since
# RLIMIT_NPROC counts all processes of a user: a fork bomb in one submission must not fail another.
FIRST_USER, USERS = 61184, 4096

_libc = ctypes.CDLL(None, use_errno=True)


def _prctl(option, value):
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


_is_isolated = False


def enter_network_namespace():
    """Moves this process into a network of its own (network_namespaces(7)), once: all ports are free, and submissions that are
    checked side by side do not meet. Returns false if that is not allowed here; then they share the machine's ports.
    """
    global _is_isolated
    if _is_isolated:
        return True
    if _libc.unshare(CLONE_NEWNET) != 0:
        user, group = os.geteuid(), os.getegid()
        if _libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0:
            return False
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
    _is_isolated = True
    return True


@dataclass(frozen=True)
class Limits:
    """What each program may use (setrlimit(2)). `processes` counts threads too."""

    cpu_seconds: int = 20
    memory: int = 4 << 30  # address space: a thread's stack takes 8 MiB of it
    descriptors: int = 256
    processes: int = 128
    file_size: int = 16 << 20  # also of what it prints: standard output and error are files


def _tasks_of_user():
    """Returns how many processes and threads this user has: RLIMIT_NPROC counts them all."""
    count = 0
    for entry in os.scandir("/proc"):
        try:
            if entry.name.isdigit() and entry.stat().st_uid == os.getuid():
                count += len(proc.threads(entry.name))
        except FileNotFoundError:
            pass
    return count


class Sandbox:
    """Use it in a `with` statement: at its end no process and no file is left."""

    def __init__(self, limits=Limits()):
        self.limits = limits
        self.user = FIRST_USER + os.getpid() % USERS if os.geteuid() == 0 else None
        self.processes = []
        self.survivors = []  # command lines of processes that end_all() had to kill

    def __enter__(self):
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        enter_network_namespace()
        self.folder = Path(tempfile.mkdtemp(prefix="parley-lab-"))
        self.folder.chmod(0o711)  # programs reach their own folders in it, and list nothing
        (self.folder / "bin").mkdir()
        return self

    def __exit__(self, *_):
        self.end_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    def install(self, program):
        """Copies a program in: the student's folder may not be readable for the sandbox's user."""
        copy = self.folder / "bin" / Path(program).name
        shutil.copyfile(program, copy)
        copy.chmod(0o755)
        return copy

    def private_folder(self, name):
        """Creates a folder that only the programs (and root) can enter."""
        folder = self.folder / name
        folder.mkdir()
        self.own(folder)
        folder.chmod(0o700)
        return folder

    def own(self, path):
        """Gives a file to the programs."""
        if self.user is not None:
            os.chown(path, self.user, self.user)

    def spawn(self, words, folder, stdin, stdout, stderr, environment=None):
        """Starts a program in a session of its own, and returns its subprocess.Popen."""
        processes = self.limits.processes + (_tasks_of_user() if self.user is None else 0)
        limits = {
            resource.RLIMIT_CPU: self.limits.cpu_seconds,
            resource.RLIMIT_AS: self.limits.memory,
            resource.RLIMIT_NOFILE: self.limits.descriptors,
            resource.RLIMIT_NPROC: processes,
            resource.RLIMIT_FSIZE: self.limits.file_size,
            resource.RLIMIT_CORE: 0,
        }

        def enter():
            for limit, value in limits.items():
                hard = resource.getrlimit(limit)[1]
                value = value if hard == resource.RLIM_INFINITY else min(value, hard)
                resource.setrlimit(limit, (value, value))
            os.umask(0o022)
            if self.user is not None:
                os.setgroups([])
                os.setgid(self.user)
                os.setuid(self.user)
            _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # after setuid(2), which clears it
            _prctl(PR_SET_NO_NEW_PRIVS, 1)

        clean = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder), "TMPDIR": str(folder)}
        process = subprocess.Popen([str(word) for word in words], cwd=folder, stdin=stdin, stdout=stdout, stderr=stderr,
                                   start_new_session=True, preexec_fn=enter, env={**clean, **(environment or {})})
        self.processes.append(process)
        return process

    def end(self, process, grace=1.0):
        """Ends a program and its process group: SIGTERM, then SIGKILL after `grace` seconds."""
        if process.poll() is None:
            _kill_group(process.pid, signal.SIGCONT)
            _kill_group(process.pid, signal.SIGTERM)
            wait_for(process, grace)
        _kill_group(process.pid, signal.SIGKILL)
        process.wait()

    def end_all(self):
        """Ends all programs, then kills each process that they have left. Returns the number of those survivors."""
        for process in self.processes:
            if process.poll() is None:
                _kill_group(process.pid, signal.SIGCONT)
                _kill_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + 1.0
        for process in self.processes:
            wait_for(process, max(0.0, deadline - time.monotonic()))
            if process.poll() is None:
                process.kill()
                process.wait()
        self.processes.clear()
        # Children of an orderly server end by themselves soon after it.
        deadline = time.monotonic() + 0.3
        while _living() and time.monotonic() < deadline:
            _reap()
            time.sleep(0.01)
        survivors = [f"{proc.name(pid)} (process {pid})" for pid in _living()]
        kill_descendants()
        self.survivors += survivors
        return len(survivors)


def wait_for(process, seconds):
    """Waits until a child has ended. Returns its status, or None after the time (pidfd_open(2))."""
    if process.poll() is None:
        descriptor = os.pidfd_open(process.pid)
        try:
            select.select([descriptor], [], [], seconds)
        finally:
            os.close(descriptor)
    return process.poll()


def _kill_group(group, number):
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def _living():
    return [pid for pid in proc.descendants(os.getpid()) if proc.state(pid) not in ("Z", None)]


def _reap():
    """Reaps the zombies that became our children by the death of their parents."""
    for pid in proc.zombies(os.getpid()):
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass


def kill_descendants(spare=()):
    """Kills every descendant of this process, except the children in `spare` and theirs.

    All are stopped first: a process that forks as fast as it is killed would otherwise win.
    """
    def targets():
        spared = {pid for child in spare for pid in (child, *proc.descendants(child))}
        return [pid for pid in _living() if pid not in spared]

    for number in (signal.SIGSTOP, signal.SIGKILL):
        done = set()
        while new := [pid for pid in targets() if pid not in done]:
            for pid in new:
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            done.update(new)
    deadline = time.monotonic() + 5
    while targets() and time.monotonic() < deadline:
        _reap()
        time.sleep(0.002)
    if not spare:
        _reap()
