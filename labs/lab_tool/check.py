"""`scripts/lab check`: builds a folder, runs the lab's checks in a sandbox, measures what was predicted, and reports."""

import os
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from . import predictions
from .building import build
from .catalogue import UsageError
from .checking import Failed, Lab
from .sandbox import Limits, Sandbox

PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"
STEPS_SHOWN = 8


@dataclass
class Outcome:
    """The outcome of one check."""

    id: str
    sentence: str
    points: float
    status: str
    did: str = ""  # the steps until the failure
    got: str = ""  # what came instead
    hint: str = ""  # id of the hint
    survivors: list = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class Report:
    """All about one folder."""

    lab: object
    folder: str
    hints: dict
    build_errors: str = ""
    outcomes: list = field(default_factory=list)
    measured: dict = field(default_factory=dict)  # prediction id -> value
    scores: list = field(default_factory=list)  # of predictions.score()
    advice: str = ""  # why nothing was measured

    def has_passed(self):
        return not self.build_errors and all(outcome.status == PASSED for outcome in self.outcomes)

    def points(self):
        return sum(outcome.points for outcome in self.outcomes if outcome.status == PASSED)

    def max_points(self):
        return sum(outcome.points for outcome in self.outcomes)

    def survivors(self):
        return [survivor for outcome in self.outcomes for survivor in outcome.survivors]


class TimeIsOver(BaseException):
    """The time limit of a check has passed. Not an Exception: no check catches it."""


@contextmanager
def _time_limit(seconds):
    def raise_it(*_):
        raise TimeIsOver

    before = signal.signal(signal.SIGALRM, raise_it)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _run(function, limit, sandbox, programs, name):
    """Runs a check or a measure. Returns its result, or a Failed, and the Lab with its steps."""
    lab = Lab(sandbox, programs, sandbox.private_folder(name), name)
    try:
        with _time_limit(limit):
            result = function(lab)
    except Failed as failed:
        result = failed
    except TimeIsOver:
        result = Failed(f"it took longer than {limit:g} s", "hangs")
    except OSError as error:  # the check's own call failed: what the program did made it fail
        result = Failed(f"{type(error).__name__}: {error}")
    finally:
        lab.close()
    return result, lab


def _run_check(function, sandbox, programs):
    mark = function.check
    outcome = Outcome(mark["id"], mark["sentence"], mark["points"], PASSED)
    begin, known = time.monotonic(), len(sandbox.survivors)
    result, lab = _run(function, mark["limit"], sandbox, programs, mark["id"])
    if isinstance(result, Failed):
        steps = lab.steps[-STEPS_SHOWN:]
        outcome.status, outcome.got, outcome.hint = FAILED, result.got, result.hint or mark["hint"]
        outcome.did = ("... " if len(lab.steps) > len(steps) else "") + "; ".join(steps)
    sandbox.end_all()
    outcome.survivors = sandbox.survivors[known:]
    outcome.seconds = time.monotonic() - begin
    return outcome


def run_checks(lab, programs, only_first_failure=False):
    """Runs the checks of a lab on programs (name -> path). Returns the outcomes in their order."""
    checks, _, hints = lab.load_checks()
    outcomes = []
    with Sandbox(Limits(**lab.limits)) as sandbox:
        inside = {name: sandbox.install(path) for name, path in programs.items()}
        for function in checks:
            mark = function.check
            unmet = [outcome.sentence for outcome in outcomes if outcome.id in mark["needs"] and outcome.status != PASSED]
            if unmet:
                outcomes.append(Outcome(mark["id"], mark["sentence"], mark["points"], NOT_RUN, got=f"first must be true: {unmet[0]}"))
                continue
            outcomes.append(_run_check(function, sandbox, inside))
            if only_first_failure and outcomes[-1].status == FAILED:
                break
    return outcomes, hints


def run_measures(lab, programs):
    """Measures what lab.json lets predict. Returns prediction id -> value. Throws UsageError if a program fails in it."""
    _, measures, _ = lab.load_checks()
    values = {}
    with Sandbox(Limits(**lab.limits)) as sandbox:
        inside = {name: sandbox.install(path) for name, path in programs.items()}
        for prediction in lab.predictions:
            function = measures[prediction["id"]]
            result, _ = _run(function, function.measure["limit"], sandbox, inside, f"measure-{prediction['id']}")
            sandbox.end_all()
            if isinstance(result, Failed):
                raise UsageError(f"the measurement '{prediction['id']}' failed: {result.got}")
            values[prediction["id"]] = result
    return values


def check_folder(lab, folder, parley, build_folder=None):
    """Builds, checks and measures a folder. Returns the Report."""
    os.environ["PARLEY"] = str(parley)  # for Lab.add_parley_program()
    built = build(lab, folder, parley, build_folder)
    checks, _, hints = lab.load_checks()
    report = Report(lab, str(folder), hints, built.errors)
    if built.errors:
        report.outcomes = [Outcome(function.check["id"], function.check["sentence"], function.check["points"], NOT_RUN,
                                   got="the programs do not build") for function in checks]
        return report
    report.outcomes, _ = run_checks(lab, built.programs)
    if lab.predictions:
        _measure(lab, folder, built.programs, report)
    return report


def _measure(lab, folder, programs, report):
    predicted = predictions.load(lab, folder)
    if not predicted:
        report.advice = f"nothing was measured, since nothing is predicted: scripts/lab predict {lab.number} {folder}"
    elif not report.has_passed():
        report.advice = "predictions are measured when all checks pass"
    else:
        try:
            report.measured = run_measures(lab, programs)
        except UsageError as error:
            report.advice = str(error)
            return
        predictions.save_measured(lab, folder, report.measured)
        report.scores = [predictions.score(lab, id, predicted[id], value) for id, value in report.measured.items() if id in predicted]


def default_folder(lab, given):
    """Returns the student's folder: the given one, the current one if it is such a folder, or ./NN-name."""
    if given:
        folder = Path(given)
        if not folder.is_dir():
            raise UsageError(f"there is no folder {given}; make it by: scripts/lab start {lab.number} {given}")
        return folder.resolve()
    here = Path.cwd()
    sources = [source for files in lab.programs.values() for source in files]
    if (here / "CMakeLists.txt").is_file() and any((here / source).is_file() for source in sources):
        return here
    if (here / lab.name).is_dir():
        return here / lab.name
    raise UsageError(f"neither this folder nor ./{lab.name} is yours; name it: scripts/lab check {lab.number} DIR")


def run_command(lab, options):
    from . import scorecard
    from .parley import find_parley

    folder = default_folder(lab, options.folder)
    report = check_folder(lab, folder, find_parley(options.parley))
    if options.json:
        scorecard.write_json(report, options.json)
    if options.junit:
        scorecard.write_junit([(folder.name, scorecard.as_dict(report))], options.junit)
    if options.gradescope:
        scorecard.write_gradescope(report, options.gradescope)
    if options.json != "-":
        scorecard.print_report(report, "zh" if options.zh else "en", sys.stdout)
    return 0 if report.has_passed() else 1
