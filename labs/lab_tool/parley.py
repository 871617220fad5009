"""Where parley is: its libraries for the students' programs, and its own programs."""

import os
import subprocess
from pathlib import Path

from .catalogue import ROOT, UsageError

PACKAGE = "lib/cmake/parley/parleyConfig.cmake"  # in a build folder and in an installation


def has_package(prefix):
    return (Path(prefix) / PACKAGE).is_file()


def find_parley(given=None):
    """Returns the folder where parley is built or installed: --parley, the environment's PARLEY, a build of this tree, /usr/local, /usr.

    Throws UsageError if there is none.
    """
    named = given or os.environ.get("PARLEY")
    if named:
        if not has_package(named):
            raise UsageError(f"no parley in {named}: it has no {PACKAGE}; name a folder where parley is built or installed")
        return Path(named).resolve()
    for prefix in (ROOT / "build/dev", ROOT / "build/release", Path("/usr/local"), Path("/usr")):
        if has_package(prefix):
            return prefix.resolve()
    advice = f"cmake --preset dev && cmake --build --preset dev --target parley_course, in {ROOT}"
    if not (ROOT / "CMakePresets.json").is_file():
        advice = "install it, or name where it is built or installed: --parley DIR, or the environment variable PARLEY"
    raise UsageError(f"parley is neither built nor installed; {advice}")


def build_targets(prefix, *targets):
    """Builds targets of this tree in a build folder of it; an installation is complete."""
    if not (prefix / "CMakeCache.txt").is_file():
        return
    built = subprocess.run(["cmake", "--build", prefix, "--target", *targets], capture_output=True, text=True)
    if built.returncode != 0:
        raise UsageError(f"cannot build {' '.join(targets)} in {prefix}:\n{built.stdout[-4000:]}{built.stderr[-1000:]}")
