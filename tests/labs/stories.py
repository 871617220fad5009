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


@dataclasses.dataclass
class maybe:
    """A line that may be missing."""
    pattern: str


class in_any_order:
    """Lines whose order is not promised. Each argument is a line, or a list of lines that keep their order; the lines of
    different arguments are mixed in any way."""

    def __init__(self, *sequences):
        self.sequences = [list(sequence) if isinstance(sequence, (list, tuple)) else [sequence] for sequence in sequences]


class _Output:
    """The lines of an output, and what the named groups have matched."""

    def __init__(self, lines):
        self.lines, self.position, self.groups = lines, 0, {}

    def take(self, pattern):
        """Takes the next line, and returns True, if it matches."""
        if self.position == len(self.lines):
            return False
        known = re.sub(r"\(\?P=(\w+)\)", lambda use: re.escape(self.groups[use[1]]) if use[1] in self.groups else use[0], pattern)
        match = re.fullmatch(known, self.lines[self.position])
        if match:
            self.groups.update(match.groupdict())
            self.position += 1
        return match is not None

    def problem(self, expected):
        came = f"'{self.lines[self.position]}'" if self.position < len(self.lines) else "the end of the output"
        return f"line {self.position + 1}: expected {expected}; got {came}"


def _take_sequence(output, sequence):
    """Takes the next line as the next one of a sequence, and removes that from the sequence. Returns False if it does not
    match."""
    for i, line in enumerate(sequence):
        if output.take(line.pattern if isinstance(line, maybe) else line):
            del sequence[:i + 1]
            return True
        if not isinstance(line, maybe):
            return False
    return False


def problem_of(expected, lines):
    """Compares the lines of an output with those of a story. Returns the first difference, or None."""
    output = _Output(lines)
    for line in expected:
        if isinstance(line, in_any_order):
            sequences = [list(sequence) for sequence in line.sequences]
            while any(_take_sequence(output, sequence) for sequence in sequences):
                pass
            missing = [next(line for line in sequence if not isinstance(line, maybe)) for sequence in sequences
                       if any(not isinstance(line, maybe) for line in sequence)]
            if missing:
                return output.problem(" or ".join(f"'{pattern}'" for pattern in missing))
        elif isinstance(line, maybe):
            output.take(line.pattern)
        elif not output.take(line):
            return output.problem(f"'{line}'")
    return None if output.position == len(lines) else output.problem("the end of the output")
