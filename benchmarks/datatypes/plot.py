"""A line chart as SVG: time per command over the size of the value, both axes logarithmic, a panel a server."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from benchmarks.datatypes.growth import Growth

PANEL: Final = 380
HEIGHT: Final = 420
LEFT: Final = 50
TOP: Final = 50
GAP: Final = 40
LEGEND: Final = 190
COLOURS: Final = (
    "#2b6cb0", "#b3402a", "#2f855a", "#805ad5", "#d69e2e", "#0f766e", "#be185d", "#4a5560",
)  # fmt: skip
DASHES: Final = ("", "6 3", "2 2")
STYLE: Final = """<style>
text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2933; }
.title { font-size: 13px; font-weight: 600; }
.label { font-size: 10px; }
.grid { stroke: #e3e7eb; }
</style>"""


def draw(growth: Growth, servers: list[str]) -> str:
    """The chart of all operations."""
    operations = list(dict.fromkeys(name for name, _ in growth.times))
    figures = [figure for line in growth.times.values() for figure in line if figure > 0]
    low, high = math.floor(math.log10(min(figures))), math.ceil(math.log10(max(figures)))
    width = LEFT + len(servers) * (PANEL + GAP) + LEGEND
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {TOP + HEIGHT + 40}" width="{width}">',
        STYLE,
        '<rect width="100%" height="100%" fill="#ffffff"/>',
    ]
    for number, server in enumerate(servers):
        left = LEFT + number * (PANEL + GAP)
        parts += _panel(growth, server, operations, left, (low, high))
    for number, name in enumerate(operations):
        left, y = LEFT + len(servers) * (PANEL + GAP), TOP + 12 + number * 17
        parts.append(f'<line x1="{left}" y1="{y - 4}" x2="{left + 22}" y2="{y - 4}" {_stroke(number)}/>')
        parts.append(f'<text class="label" x="{left + 28}" y="{y}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _stroke(number: int) -> str:
    colour = COLOURS[number % len(COLOURS)]
    dashes = DASHES[number // len(COLOURS) % len(DASHES)]
    return f'fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="{dashes}"'


def _panel(
    growth: Growth, server: str, operations: list[str], left: float, powers: tuple[int, int]
) -> list[str]:
    """One server's lines, with the grid behind them."""
    low, high = powers
    first, last = math.log10(growth.sizes[0]), math.log10(growth.sizes[-1])

    def across(size: int) -> float:
        return left + (math.log10(size) - first) / max(last - first, 1) * PANEL

    def down(figure: float) -> float:
        return TOP + HEIGHT - (math.log10(max(figure, 10.0**low)) - low) / (high - low) * HEIGHT

    parts = [f'<text class="title" x="{left}" y="{TOP - 18}">{escape(server)}: CPU us per command</text>']
    for power in range(low, high + 1):
        y = down(10.0**power)
        parts.append(f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{left + PANEL}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="label" text-anchor="end" x="{left - 5}" y="{y + 3:.1f}">{10.0**power:g}</text>'
        )
    for size in growth.sizes:
        x = across(size)
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{TOP + HEIGHT}"/>')
        parts.append(
            f'<text class="label" text-anchor="middle" x="{x:.1f}" y="{TOP + HEIGHT + 16}">{size:,}</text>'
        )
    for number, name in enumerate(operations):
        line = zip(growth.sizes, growth.times.get((name, server), []), strict=False)
        points = " ".join(f"{across(size):.1f},{down(figure):.1f}" for size, figure in line)
        parts.append(f'<polyline points="{points}" {_stroke(number)}/>')
    return parts
