"""What an example of the labs prints, as a story: the tables are stories_*.py, the test is examples_test.py.

The lines of a story are regular expressions, each of which must match a whole line of the output. What a named group has
matched stands in later lines as (?P=NAME), so a story can say "and my parent is the same PID as above".
"""
import dataclasses
import re


@dataclasses.dataclass
class Story:
    """One run of an example. An example may have several stories, with different arguments."""
    example: str
    lines: list                           # of regular expressions, maybe(...) and in_any_order(...)
    arguments: list = dataclasses.field(default_factory=list)
    status: int = 0
    errors: list = dataclasses.field(default_factory=list)  # the lines of standard error
    check: object = None                  # a function of the output's lines that returns a problem, or None


@dataclasses.dataclass(frozen=True)
class maybe:
    """A line that may be missing."""
    pattern: str


@dataclasses.dataclass(frozen=True)
class in_any_order:
    """Lines whose order is not promised. Each argument is a line, or a list of lines that keep their order; the lines of
    different arguments are mixed in any way."""
    sequences: tuple

    def __init__(self, *sequences):
        tuples = (tuple(sequence) if isinstance(sequence, (list, tuple)) else (sequence,) for sequence in sequences)
        object.__setattr__(self, "sequences", tuple(tuples))


def _can_end(sequence):
    """True if nothing more must come."""
    return all(isinstance(line, maybe) or isinstance(line, in_any_order) and all(map(_can_end, line.sequences))
               for line in sequence)


def _next_lines(sequence):
    """Yields each pattern that the next line may match, with the sequence that is left after it."""
    if not sequence:
        return
    line, rest = sequence[0], sequence[1:]
    if isinstance(line, str):
        yield line, rest
        return
    if isinstance(line, maybe):
        yield line.pattern, rest
    else:
        for i, inner in enumerate(line.sequences):
            for pattern, left in _next_lines(inner):
                yield pattern, (in_any_order(*line.sequences[:i], left, *line.sequences[i + 1:]), *rest)
    if _can_end((line,)):
        yield from _next_lines(rest)


def _match(pattern, line, groups):
    """Returns the named groups, and those of this line, if the pattern matches."""
    known = re.sub(r"\(\?P=(\w+)\)", lambda use: re.escape(groups[use[1]]) if use[1] in groups else use[0], pattern)
    match = re.fullmatch(known, line)
    return match and {**groups, **match.groupdict()}


def problem_of(expected, lines):
    """Compares the lines of an output with those of a story. Returns the first difference, or None.

    A line may match several patterns, such as those of two writers. So all ways to go on are followed side by side."""
    ways = {(tuple(expected), ())}
    for number, line in enumerate(lines, 1):
        found, patterns = set(), {}
        for sequence, groups in ways:
            for pattern, left in _next_lines(sequence):
                patterns[pattern] = True
                if (matched := _match(pattern, line, dict(groups))) is not None:
                    found.add((left, tuple(sorted(matched.items()))))
        if not found:
            return f"line {number}: expected {_or(patterns)}; got '{line}'"
        ways = found
    if any(_can_end(sequence) for sequence, _ in ways):
        return None
    patterns = {pattern: True for sequence, _ in ways for pattern, _ in _next_lines(sequence)}
    return f"line {len(lines) + 1}: expected {_or(patterns)}; got the end of the output"


def _or(patterns):
    return " or ".join(f"'{pattern}'" for pattern in patterns) or "the end of the output"
