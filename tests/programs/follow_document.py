#!/usr/bin/env python3
"""Follows the steps of docs/add-a-model.md or docs/add-a-service.md on a copy of the files that they name.

A step is a line of the document and the fenced block after it:

    New file `PATH`:                    the block is the file
    In `PATH`, after `TEXT`:            the block follows the first line that contains TEXT

Every step must be possible, or this ends with one line that names the document and the step. The changed files are written
below --to, and their paths are printed.
"""
import argparse
import pathlib
import re
import sys

STEP = re.compile(r"^(?:New file `(?P<new>[^`]+)`|In `(?P<path>[^`]+)`, after `(?P<after>[^`]+)`):\n\n```\w+\n(?P<text>.*?)^```$",
                  re.MULTILINE | re.DOTALL)


def follow(document, source, target, changed):
    """Carries out the steps of `document`, and adds to `changed` the paths that they have made or changed."""
    steps = list(STEP.finditer(document.read_text()))
    if len(steps) < 3:
        sys.exit(f"{document}: found {len(steps)} steps; write them as 'New file `PATH`:' or 'In `PATH`, after `TEXT`:'")
    for step in steps:
        path = step["new"] or step["path"]
        written = target / path
        written.parent.mkdir(parents=True, exist_ok=True)
        if step["new"]:
            if (source / path).exists():
                sys.exit(f"{document}: {path} is there already: choose another name for the example")
            written.write_text(step["text"])
        else:
            lines = (written if path in changed else source / path).read_text().splitlines(keepends=True)
            places = [number for number, line in enumerate(lines) if step["after"] in line]
            if not places:
                sys.exit(f"{document}: {path} has no line with '{step['after']}': bring the step up to date")
            lines.insert(places[0] + 1, step["text"])
            written.write_text("".join(lines))
        if path not in changed:
            changed.append(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="+", type=pathlib.Path, metavar="DOCUMENT")
    parser.add_argument("--source", required=True, type=pathlib.Path, help="the tree that the paths are of")
    parser.add_argument("--to", required=True, type=pathlib.Path, help="where to write the changed files")
    arguments = parser.parse_args()
    changed = []
    for document in arguments.documents:
        follow(document, arguments.source, arguments.to, changed)
    print("\n".join(changed))


main()
