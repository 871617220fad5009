"""`scripts/lab start`: copies a lab's starter out, to a folder of its own."""

import shutil
from pathlib import Path

from .catalogue import UsageError
from .parley import find_parley

NOT_SET = 'set(parley_ROOT ""'  # in the starter's CMakeLists.txt: filled in here


def copy_starter(lab, folder, parley):
    """Copies the starter to a folder that must be empty or not exist."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists already, and may hold your work; name another folder: scripts/lab start {lab.number} DIR")
    folder.mkdir(parents=True, exist_ok=True)
    for source in sorted((lab.folder / "start").iterdir()):
        shutil.copyfile(source, folder / source.name)
    (folder / ".gitignore").write_text("/build/\n")
    if parley:
        lists = folder / "CMakeLists.txt"
        lists.write_text(lists.read_text().replace(NOT_SET, f'set(parley_ROOT "{parley}"'))


def run_command(lab, options):
    parley = find_parley(options.parley)
    folder = Path(options.folder or lab.name)
    copy_starter(lab, folder, parley)
    print(f"{folder}: {lab.title['en']}")
    print(f"  read     scripts/lab handout {lab.number}" + (" (or --zh)" if lab.handout("zh").exists() else ""))
    print(f"  build    cd {folder} && cmake -B build && cmake --build build")
    if lab.predictions:
        print(f"  predict  scripts/lab predict {lab.number} {folder}")
    print(f"  check    scripts/lab check {lab.number} {folder}")
    return 0
