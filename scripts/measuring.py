"""What scripts/bench and scripts/load-bench share: how they build, install, show progress, and print what they measured."""

import os
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / "build/release/bin"


def build(*targets):
    """Installs what is missing, and builds for speed."""
    subprocess.run([ROOT / "scripts/setup"], check=True)
    for words in (["cmake", "--preset", "release"], ["cmake", "--build", "--preset", "release", "--target", *targets]):
        subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def install(rows):
    """Installs the Debian packages that the rows need, as far as there are such."""
    packages = sorted({row.needs for row in rows if row.needs})
    print(f"{Path(sys.argv[0]).name}: installing {' '.join(packages)}", file=sys.stderr)
    subprocess.run(["apt-get", "-qq", "-y", "install", "--no-install-recommends", *packages],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def progress(text):
    """What is being done, on a terminal only, in a line that is written over."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", flush=True, file=sys.stderr)


def spread(values, form):
    return f"{form(statistics.median(values))} ({form(min(values))}..{form(max(values))})"


def line_of_table(cells):
    return "| " + " | ".join(cells) + " |"
