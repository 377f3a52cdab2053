"""The baseline, and what beyond which margin is slower than it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks.compare.measure import geometric_mean
from benchmarks.instructions.workloads import DEPTHS
from benchmarks.page import RESULTS

if TYPE_CHECKING:
    from pathlib import Path

BASELINE: Final = RESULTS / "instructions.json"
SINGLE_MARGIN: Final = 0.04
MEAN_MARGIN: Final = 0.02
LEVEL: Final = "-O1"
"""The level of optimisation that is compared: CI compiles with it, because it takes half the time."""

SLOWER: Final = "SLOWER"
FASTER: Final = "faster"


class Finding(NamedTuple):
    """A figure that was compared; `margin` is by how much of the baseline it may differ."""

    name: str
    baseline: float
    measured: float
    margin: float

    @property
    def change(self) -> float:
        """How much more than the baseline: 0.1 is 10 %."""
        return self.measured / self.baseline - 1

    @property
    def verdict(self) -> str:
        """What to make of it."""
        if abs(self.change) <= self.margin:
            return "ok"
        return SLOWER if self.change > 0 else FASTER

    def line(self) -> str:
        """For people."""
        figures = f"{self.baseline:10,.0f} -> {self.measured:8,.0f} {self.change:+7.1%}"
        return f"{self.name:32} {figures}  {self.verdict}"


def findings(baseline: dict[str, float], measured: dict[str, float]) -> list[Finding]:
    """Each workload that both know, and the geometric mean of those at each depth."""
    names = [name for name in measured if name in baseline]
    found = [Finding(name, baseline[name], measured[name], SINGLE_MARGIN) for name in names]
    for depth in DEPTHS:
        some = [name for name in names if name.endswith(f", pipeline {depth}")]
        before = geometric_mean(baseline[name] for name in some)
        after = geometric_mean(measured[name] for name in some)
        if before is not None and after is not None:
            found.append(Finding(f"geometric mean, pipeline {depth}", before, after, MEAN_MARGIN))
    return found


def differences(expected: dict[str, str], facts: dict[str, str]) -> list[str]:
    """In what a server differs from that of the baseline, so that their instructions cannot be compared."""
    return [
        f"{name} {facts.get(name, 'unknown')}, the baseline's is {value}"
        for name, value in expected.items()
        if facts.get(name) != value
    ]


def write(path: Path, facts: dict[str, str], instructions: dict[str, float]) -> None:
    """Makes these numbers the baseline."""
    rounded = {name: round(count) for name, count in instructions.items()}
    record = {"made_with": facts, "instructions_per_command": rounded}
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def load(path: Path) -> tuple[dict[str, str], dict[str, float]]:
    """What it was made with, and the numbers."""
    record = json.loads(path.read_text(encoding="utf-8"))
    return record["made_with"], record["instructions_per_command"]
