"""The command line: `python -m benchmarks.instructions`.

python -m benchmarks.instructions             exit code 1 when a command takes more instructions than it did
python -m benchmarks.instructions --write     makes this run the baseline
python -m benchmarks.instructions --keep D    leaves callgrind's files in D, for callgrind_annotate
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.instructions import baseline, counting, workloads
from benchmarks.instructions.baseline import FASTER, LEVEL, SLOWER

DEFAULT_STAMP: Final = Path(".venv/.compiled")


def build_parser() -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.instructions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--python", default=sys.executable, help="the Python for which the server is installed"
    )
    parser.add_argument(
        "--level", help=f"-O3, if it was compiled with that; what {DEFAULT_STAMP} says, without"
    )
    parser.add_argument("--baseline", type=Path, default=baseline.BASELINE)
    parser.add_argument("--write", action="store_true", help="make this run the baseline")
    parser.add_argument("--keep", type=Path, help="a directory for callgrind's files")
    parser.add_argument("--only", default="", help="regular expression on the names of workloads")
    return parser


def skipped(reason: str) -> int:
    """Says why nothing was compared; that is no failure."""
    print(f"not compared: {reason}")
    return 0


def level_of(stamp: Path) -> str:
    """The level of optimisation that `make build` has left behind."""
    try:
        level = stamp.read_text(encoding="utf-8").strip()
    except OSError:
        level = ""
    return f"-O{level}" if level else "unknown"


def count(options: argparse.Namespace) -> counting.Counted:
    """Counts, and adds the level to what the server was made with."""
    cells = [cell for cell in workloads.cells() if re.search(options.only, cell.name)]
    with tempfile.TemporaryDirectory(prefix="instructions-") as scratch:
        directory = Path(scratch)
        if options.keep is not None:
            directory = options.keep.resolve()
            directory.mkdir(parents=True, exist_ok=True)
        counted = counting.count(options.python, cells, directory)
    level = options.level or level_of(DEFAULT_STAMP)
    return counting.Counted(counted.instructions, {"optimisation": level, **counted.facts})


def compare(counted: counting.Counted, path: Path) -> int:
    """Reports; the exit code."""
    expected, numbers = baseline.load(path)
    if differing := baseline.differences(expected, counted.facts):
        return skipped("; ".join(differing))
    found = baseline.findings(numbers, counted.instructions)
    print("\n".join(one.line() for one in found))
    for name in counted.instructions.keys() - numbers.keys():
        print(f"{name}: not in the baseline")
    verdicts = {one.verdict for one in found}
    margins = f"{baseline.SINGLE_MARGIN:.0%} in one workload or {baseline.MEAN_MARGIN:.0%} in a mean"
    if SLOWER in verdicts:
        print(f"Commands take more instructions than the baseline has, by over {margins}.")
    elif FASTER in verdicts:
        print(f"Commands take less, by over {margins}: `make bench-baseline` keeps it so.")
    return int(SLOWER in verdicts)


def main(arguments: list[str] | None = None) -> int:
    """See the module's text."""
    options = build_parser().parse_args(arguments)
    began = time.monotonic()
    if not options.write and not options.baseline.exists():
        return skipped(f"there is no {options.baseline}")
    try:
        counted = count(options)
    except counting.Unavailable as missing:
        return skipped(str(missing))
    print(", ".join(f"{name} {value}" for name, value in counted.facts.items()))
    print(f"counted in {time.monotonic() - began:.0f} s")
    if not options.write:
        return compare(counted, options.baseline)
    if counted.facts["form"] != "compiled" or counted.facts["optimisation"] != LEVEL:
        print(f"not written: the baseline is of a server compiled with {LEVEL}, as CI does")
        return 1
    baseline.write(options.baseline, counted.facts, counted.instructions)
    print(f"wrote {options.baseline}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
