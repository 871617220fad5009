"""Facts about processes and connections, as proc(5) has them: no ptrace(2), so a program behaves as it does alone."""

import os
from pathlib import Path

# States of a TCP connection in /proc/net/tcp.
ESTABLISHED, TIME_WAIT, CLOSE_WAIT, LISTEN = "01", "06", "08", "0A"

# Kernels without CONFIG_PROC_CHILDREN do not list children.
_HAS_CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").exists()


def _stat(pid):
    """Returns the fields of /proc/PID/stat from the state on. The name before may hold spaces and brackets."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def state(pid):
    """Returns R (running), S (sleeping), T (stopped), Z (zombie) ... or None if there is no such process."""
    fields = _stat(pid)
    return fields[0] if fields else None


def parent(pid):
    fields = _stat(pid)
    return int(fields[1]) if fields else None


def cpu_seconds(pid):
    """Returns the CPU time that a process has used, with all its threads."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def name(pid):
    """Returns the command line of a process, or its name if it has none (a zombie)."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        return " ".join(words).strip() or Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return "?"


def children(pid):
    """Returns the child processes, zombies too (proc(5), /proc/PID/task/TID/children)."""
    if not _HAS_CHILDREN:
        return sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit() and parent(entry) == int(pid))
    found = []
    for thread in threads(pid):
        try:
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            pass
    return sorted(found)


def descendants(pid):
    """Returns children, grandchildren and so on; zombies too."""
    found, waiting = [], children(pid)
    while waiting:
        child = waiting.pop()
        found.append(child)
        waiting += children(child)
    return sorted(found)


def zombies(pid):
    """Returns the children that have ended, and that the process has not waited for."""
    return [child for child in children(pid) if state(child) == "Z"]


def threads(pid):
    """Returns the thread ids of a process."""
    try:
        return sorted(int(entry) for entry in os.listdir(f"/proc/{pid}/task"))
    except FileNotFoundError:
        return []


def descriptors(pid):
    """Returns the open descriptors of a process: number -> what it leads to ("socket:[1234]", "/tmp/x")."""
    found = {}
    try:
        for entry in os.listdir(f"/proc/{pid}/fd"):
            try:
                found[int(entry)] = os.readlink(f"/proc/{pid}/fd/{entry}")
            except FileNotFoundError:
                pass  # closed since, or that of listdir itself
    except FileNotFoundError:
        pass
    return found


def connections(local_port, remote_port=None, in_state=None):
    """Returns the IPv4 TCP sockets at a local port, as dicts with `state` and `unread` (bytes in the receive queue)."""
    found = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = (int(field.rpartition(":")[2], 16) for field in fields[1:3])
        if local == local_port and remote_port in (None, remote) and in_state in (None, fields[3]):
            found.append({"state": fields[3], "remote_port": remote, "unread": int(fields[4].partition(":")[2], 16)})
    return found
