#!/usr/bin/env python3
"""Checks that the documents speak of what is there: python3 documents_test.py SOURCE

- Every link of a Markdown file to a file leads to one; so does a link to a heading.
- Every path in backticks (`common/net/listener.hpp`, `listener.hpp`) is a file or a folder of the tree.
- Every other word in backticks in docs/architecture.md and docs/glossary.md, and every name in the pictures, occurs in the code.
- Every picture shows the names of the text that it is made from.
- README.md has at most 120 lines.
"""
import html
import os
import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1])
CODE = {".cpp", ".hpp", ".c", ".h", ".js", ".mjs", ".py", ".txt", ".cmake", ".ld", ".json"}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BACKTICKS = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"^[\w.\-/]*[\w\-]+\.(?:cpp|hpp|c|h|js|mjs|py|md|json|cmake|ld|css|html|png|svg|dot)$|^[\w.\-]+(?:/[\w.\-]+)*/$")
NAME = re.compile(r"^[A-Za-z_][\w:]*(?:\(\))?$")
OF_USERS = {"plan.json", "result.json", "report.html", "new.json", "old.json", "predictions.json", "measurements.json", "results.json", "totals.json",
            "FOLDER/totals.json"}  # files that programs write or read
EXAMPLES = {"add-a-model.md", "add-a-service.md"}  # name files that are to be written; they are followed by a test

problems = []


def complain(document, number, text):
    problems.append(f"{document.relative_to(SOURCE)}:{number}: {text}")


def tree():
    """All files, as paths from the top, and the folders that hold them."""
    files = []
    for folder, folders, names in os.walk(SOURCE):
        folders[:] = [name for name in folders if name not in {".git", "build", "results", "node_modules", "__pycache__"}]
        files += [pathlib.Path(folder, name).relative_to(SOURCE) for name in names]
    return files


FILES = tree()
NAMES = {path.name for path in FILES}
STEMS = {path.with_suffix("").name for path in FILES}
FOLDERS = {str(parent) for path in FILES for parent in path.parents} | {parent.name for path in FILES for parent in path.parents}
WORDS = set()
for path in FILES:
    if path.suffix in CODE or path.parts[0] == "scripts":
        try:
            WORDS.update(re.findall(r"\w+", (SOURCE / path).read_text()))
        except UnicodeDecodeError:
            pass


def anchors(document):
    """The headings of a document, as a link writes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def check_link(document, number, target):
    if re.match(r"[a-z]+:", target):
        return
    name, _, anchor = target.partition("#")
    file = (document.parent / name).resolve() if name else document
    if not file.exists():
        complain(document, number, f"the link to {target} leads nowhere")
    elif anchor and file.suffix == ".md" and anchor not in anchors(file):
        complain(document, number, f"{name or 'this page'} has no heading #{anchor}")


def path_exists(text, document):
    if text.endswith("/"):
        return text.rstrip("/") in FOLDERS
    return (SOURCE / text).exists() or (document.parent / text).exists() or ("/" not in text and text in NAMES) or any(
        str(path).endswith("/" + text) for path in FILES)


def is_known(name):
    return all(word in WORDS or word in STEMS for word in re.findall(r"\w+", name))


def check_document(document):
    in_block = False
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if line.startswith("```"):
            in_block = not in_block
        if in_block or line.startswith("    "):
            continue
        for target in LINK.findall(line):
            check_link(document, number, target)
        for text in BACKTICKS.findall(line):
            if text in OF_USERS or "NAME" in text or text.startswith(("../", "build/", "/", "results/")) or document.name in EXAMPLES:
                continue
            if PATH.match(text):
                if not path_exists(text, document):
                    complain(document, number, f"there is no file or folder {text}")
            elif document.name in {"architecture.md", "glossary.md"} and NAME.match(text) and not is_known(text):
                complain(document, number, f"{text} does not occur in the code")


def check_picture(dot):
    """Labels of a Graphviz file: each word with an underscore, a slash or a dot is a name of the code."""
    drawn = html.unescape(dot.with_suffix(".svg").read_text()) if dot.with_suffix(".svg").exists() else None
    if drawn is None:
        return complain(dot, 1, "has no picture: run scripts/pictures")
    for number, line in enumerate(dot.read_text().splitlines(), 1):
        for label in re.findall(r'label="([^"]*)"', line):
            for text in filter(None, re.split(r"\\[nlr]", label)):
                if text not in drawn.replace("\u00a0", " "):
                    complain(dot, number, f"the picture does not show '{text}': run scripts/pictures")
                for name in re.findall(r"[a-z][\w/]*[_/.][\w/.]*\w", text):
                    if not (path_exists(name, dot) or name.rstrip("/") in FOLDERS or is_known(name)):
                        complain(dot, number, f"{name} is neither a file nor a name of the code")


documents = [SOURCE / path for path in FILES if path.suffix == ".md"]
pictures = [SOURCE / path for path in FILES if path.suffix == ".dot"]
for document in documents:
    check_document(document)
for picture in pictures:
    check_picture(picture)
length = len((SOURCE / "README.md").read_text().splitlines())
if length > 120:
    complain(SOURCE / "README.md", length, f"has {length} lines; 120 are enough: move what is for readers of one part to docs/")
if len(documents) < 8:
    complain(SOURCE / "README.md", 1, f"only {len(documents)} documents were found: is {SOURCE} the whole tree?")

print("\n".join(problems) or f"{len(documents)} documents and {len(pictures)} pictures speak of what is there")
sys.exit(1 if problems else 0)
