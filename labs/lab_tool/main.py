"""The command line of scripts/lab."""

import argparse
import sys

from . import catalogue
from .catalogue import UsageError

EPILOG = """\
A lab in five commands:
  scripts/lab handout 2           read it (--zh: in Chinese)
  scripts/lab start 2 ~/lab2      copies the starter to a folder of your own
  scripts/lab predict 2 ~/lab2    writes down what you expect, before you measure
  scripts/lab check 2 ~/lab2      builds, checks, measures; says what failed, and what that usually means

exit status: 0 success, all checks pass; 1 a check failed; 2 the command line or the machine is not as it must be
"""


def _parser():
    parser = argparse.ArgumentParser(prog="scripts/lab", description="Examples and labs of parley.", epilog=EPILOG,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name, summary, epilog=""):
        return commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".",
                                   epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter)

    def add_lab(command):
        command.add_argument("lab", metavar="N", help="number or name of a lab: 2, 02-sockets")

    def add_folder(command, text="your folder (default: this one if it is yours, else ./NN-name)"):
        command.add_argument("folder", metavar="DIR", nargs="?", help=text)

    def add_parley(command):
        command.add_argument("--parley", metavar="DIR", help="where parley is built or installed (default: $PARLEY, build/dev, "
                                                             "build/release, /usr/local, /usr)")

    def add_zh(command):
        command.add_argument("--zh", action="store_true", help="in Chinese")

    add("list", "list the labs")
    example = add("example", "build and run an example of the lecture notes", "example: scripts/lab example --list")
    example.add_argument("name", metavar="NAME", nargs="?", help="name of the example")
    example.add_argument("arguments", metavar="ARGUMENT", nargs="*", help="arguments for the example")
    example.add_argument("--list", action="store_true", help="name all examples, with a line each")
    add_parley(example)

    start = add("start", "copy the starter of a lab to a folder of your own", "Never overwrites: the folder must be empty, or new.")
    add_lab(start)
    add_folder(start, "folder to create (default: ./NN-name)")
    add_parley(start)

    check = add("check", "build your folder, run the checks, and measure what you predicted",
                "Programs run in a sandbox: in a private folder, with limits of time, memory, processes and output.\n\n"
                "exit status: 0 all checks pass; 1 a check fails, or it does not build; 2 it cannot be checked")
    add_lab(check)
    add_folder(check)
    add_zh(check)
    add_parley(check)
    check.add_argument("--json", metavar="FILE", help="also write the results as JSON (-: only that, to standard output)")
    check.add_argument("--junit", metavar="FILE", help="also write the results as JUnit XML")
    check.add_argument("--gradescope", metavar="FILE", help="also write Gradescope's results.json")

    predict = add("predict", "write down what you expect, before it is measured",
                  "example: scripts/lab predict 2 ~/lab2 --set backlog=5..20\nWithout --set it asks for each interval.")
    add_lab(predict)
    add_folder(predict)
    add_zh(predict)
    predict.add_argument("--set", metavar="ID=LOW..HIGH", action="append", help="set one interval without asking; may be repeated")

    handout = add("handout", "print the handout of a lab")
    add_lab(handout)
    add_zh(handout)

    export = add("export", "make a repository for students: starters, handouts, checks, no solutions",
                 "example: scripts/lab export --labs 1-6 --out ~/labs-of-spring")
    export.add_argument("--labs", metavar="LIST", required=True, help="numbers and ranges: 1-6,8")
    export.add_argument("--out", metavar="DIR", required=True, help="folder to create")

    grade = add("grade", "check many submissions, and write their marks",
                "Each folder in FOLDER is a submission. Its .cpp, .hpp and .json files are built with the starter's CMakeLists.txt.\n"
                "example: scripts/lab grade 2 submissions --csv marks.csv")
    add_lab(grade)
    grade.add_argument("submissions", metavar="FOLDER", nargs="?", help="folder of submissions")
    grade.add_argument("--csv", metavar="FILE", help="write the marks, a row for each submission")
    grade.add_argument("--junit", metavar="FILE", help="write JUnit XML, a suite for each submission")
    grade.add_argument("--gradescope", metavar="ZIP", help="write an autograder for Gradescope")
    grade.add_argument("--jobs", metavar="COUNT", type=int, help="submissions that are checked at the same time (default: usable CPUs)")
    add_parley(grade)
    return parser


def _run(options):
    from . import check, examples, export, grade, handout, predictions, start  # only what is needed would be half a second less

    if options.command == "list":
        return catalogue.print_list() or 0
    if options.command == "example":
        return examples.run_command(options)
    if options.command == "export":
        return export.run_command(catalogue.find_labs(options.labs), options)
    commands = {"start": start, "check": check, "predict": predictions, "handout": handout, "grade": grade}
    return commands[options.command].run_command(catalogue.find_lab(options.lab), options)


def main():
    options = _parser().parse_args()
    try:
        return _run(options)
    except UsageError as error:
        print(f"lab: {error}", file=sys.stderr)
    except OSError as error:
        print(f"lab: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 2
