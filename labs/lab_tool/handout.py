"""`scripts/lab handout`: prints the text of a lab for a terminal."""

import os
import re
import shutil
import subprocess
import sys


def as_text(markdown, bold):
    """Returns Markdown without its marks: headings and **words** bold, links by their text, fences and comments removed."""
    lines, in_block = [], False
    for line in re.sub(r"<!--.*?-->\n?", "", markdown, flags=re.DOTALL).splitlines():
        if line.startswith("```"):
            in_block = not in_block
            continue
        if in_block:
            lines.append("    " + line)
            continue
        if line.startswith("#"):
            line = bold(line.lstrip("# "))
        line = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", line)
        line = re.sub(r"\*\*(.+?)\*\*", lambda found: bold(found[1]), line)
        lines.append(line.replace("`", ""))
    return "\n".join(lines) + "\n"


def run_command(lab, options):
    is_terminal = sys.stdout.isatty()
    text = as_text(lab.handout("zh" if options.zh else "en").read_text(), lambda words: f"\x1b[1m{words}\x1b[0m" if is_terminal else words)
    pager = os.environ.get("PAGER") or "less"
    if is_terminal and shutil.which(pager.split()[0]):
        subprocess.run(pager, shell=True, input=text, text=True, env={"LESS": "FRX", **os.environ})
    else:
        sys.stdout.write(text)
    return 0
