"""Predict, then measure: intervals that a student writes down before, and their score.

A prediction is an interval (low, high) that should hold the measured value in 4 of 5 cases. Only counts and ratios are
predicted: an absolute speed says more of the machine than of the program.
"""

import json
import math
import re
import sys
import time

from .catalogue import UsageError

FILE, MEASURED = "predictions.json", "measurements.json"
MISS = 0.2  # the interval may miss 1 in 5: an 80 % interval


def _question(lab, id):
    for prediction in lab.predictions:
        if prediction["id"] == id:
            return prediction
    raise UsageError(f"lab {lab.number} has no prediction '{id}'; there are {', '.join(prediction['id'] for prediction in lab.predictions)}")


def _interval(lab, id, low, high):
    """Checks an interval, and returns it."""
    ratio = _question(lab, id)["scale"] == "ratio"
    if not (math.isfinite(low) and math.isfinite(high)) or low > high or low < 0 or (ratio and low == 0):
        least = "above 0" if ratio else "at least 0"
        raise UsageError(f"{id}: {low:g}..{high:g} is no interval; write LOW..HIGH, both {least}, the lower one first")
    return {"low": low, "high": high}


def parse(lab, text):
    """Returns the id and the interval of "id=low..high"."""
    found = re.fullmatch(r"([\w-]+)=([-+.\deE]+?)\.\.([-+.\deE]+)", text)
    try:
        id, low, high = found[1], float(found[2]), float(found[3])
    except (TypeError, ValueError):
        raise UsageError(f"'{text}' is no prediction; write ID=LOW..HIGH, as {lab.predictions[0]['id']}=2..20") from None
    return id, _interval(lab, id, low, high)


def load(lab, folder):
    """Returns id -> interval of the folder's predictions; {} if there are none. Throws UsageError if the file is damaged."""
    path = folder / FILE
    try:
        stored = json.loads(path.read_text())
        return {id: _interval(lab, id, float(value["low"]), float(value["high"])) for id, value in stored["predictions"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is damaged ({error}); remove it and predict again") from None


def save(lab, folder, predicted):
    from .scorecard import write_file

    text = {"lab": lab.number, "written": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "predictions": predicted}
    write_file(folder / FILE, json.dumps(text, indent=2) + "\n")


def save_measured(lab, folder, values):
    from .scorecard import write_file

    write_file(folder / MEASURED, json.dumps({"lab": lab.number, "measured": values}, indent=2) + "\n")


def score(lab, id, interval, value):
    """Returns whether the value is inside, and the interval score on a scale of factors of two; lower is better.

    The interval score of Gneiting and Raftery (2007): the width, plus 2/MISS times the distance to a value outside.
    Counts may be 0, so their scale is log2(count + 1).
    """
    question = _question(lab, id)

    def scale(x):
        return math.log2(x + 1 if question["scale"] == "count" else max(x, 1e-9))

    low, high, x = scale(interval["low"]), scale(interval["high"]), scale(value)
    points = high - low + 2 / MISS * (max(0.0, low - x) + max(0.0, x - high))
    return {"id": id, "question": question["question"], **interval, "value": value,
            "inside": interval["low"] <= value <= interval["high"], "score": round(points, 3)}


def _ask(lab, question, language):
    print(f"\n{question['question'][language]}\n  ({question['measured'][language]}; {question['unit'][language]})")
    while True:
        print("  low high: " if language == "en" else "  下限 上限: ", end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            raise UsageError("the input ended before all predictions were given; nothing was written")
        try:
            low, high = map(float, line.replace(",", " ").replace("..", " ").split())
            return _interval(lab, question["id"], low, high)
        except (ValueError, UsageError):
            print("  two numbers, the lower one first, as: 2 20" if language == "en" else "  两个数，小的在前，例如：2 20")


def run_command(lab, options):
    from .check import default_folder

    if not lab.predictions:
        raise UsageError(f"lab {lab.number} asks for no predictions")
    folder = default_folder(lab, options.folder)
    if (folder / MEASURED).exists():
        raise UsageError(f"{folder / MEASURED} exists: it has been measured, so it is too late to predict")
    language = "zh" if options.zh else "en"
    predicted = load(lab, folder)
    if options.set:
        predicted.update(parse(lab, text) for text in options.set)
    else:
        print("For each question, an interval: it should hold the measured value in 4 of 5 cases. Narrow is better, wrong is worse."
              if language == "en" else "对每个问题写一个区间：五次里应有四次包含实测值。区间窄更好，猜错更糟。")
        predicted = {question["id"]: _ask(lab, question, language) for question in lab.predictions}
    save(lab, folder, predicted)
    left = [question["id"] for question in lab.predictions if question["id"] not in predicted]
    print(f"written to {folder / FILE}" + (f"; not predicted yet: {', '.join(left)}" if left else ""))
    return 0
