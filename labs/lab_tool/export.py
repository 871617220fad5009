"""`scripts/lab export`: a repository for students, with starters, handouts and checks, and without solutions."""

import shutil
from pathlib import Path

from .catalogue import LABS, ROOT, UsageError

README = """\
# Labs

{labs}

parley must be built or installed. Say where, if `scripts/lab` does not find it: `export PARLEY=/path/to/parley/build/dev`.

    scripts/lab handout 2          # or: scripts/lab handout 2 --zh
    scripts/lab start 2 ~/lab2     # your own folder
    scripts/lab predict 2 ~/lab2
    scripts/lab check 2 ~/lab2

`scripts/lab --help` shows all commands.
"""


def _copy(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "build"))
    else:
        shutil.copy2(source, target)


def copy_labs(labs, folder):
    """Copies the tool and some labs. Only these folders: solutions and tests stay here."""
    _copy(ROOT / "scripts/lab", folder / "scripts/lab")
    _copy(LABS / "lab_tool", folder / "labs/lab_tool")
    for lab in labs:
        _copy(lab.folder, folder / "labs" / lab.name)
    if (ROOT / "LICENSE").exists():
        _copy(ROOT / "LICENSE", folder / "LICENSE")


def run_command(labs, options):
    folder = Path(options.out)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty; name a new folder: --out DIR")
    copy_labs(labs, folder)
    rows = "\n".join(f"- {lab.number} `{lab.name}`: {lab.title['en']} / {lab.title['zh']}" for lab in labs)
    (folder / "README.md").write_text(README.format(labs=rows))
    (folder / ".gitignore").write_text("build/\n__pycache__/\n")
    print(f"{folder}: {len(labs)} labs; git init there, and publish it")
    return 0
