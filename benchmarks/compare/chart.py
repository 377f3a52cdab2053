"""A horizontal bar chart as SVG: one row a workload, one bar a pipeline depth, a line at 1.0x.

Bars are ratios, and shorter is better. A bar that would dwarf the others is cut
at the axis' end and marked; its label still has the true figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 900
LABEL_WIDTH: Final = 190
RIGHT_MARGIN: Final = 70
BAR_HEIGHT: Final = 9
BAR_GAP: Final = 1
ROW_GAP: Final = 9
HEADING_HEIGHT: Final = 30
TOP: Final = 104
AXIS_LIMIT: Final = 4.0

STYLE: Final = """<style>
text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2933; }
.title { font-size: 16px; font-weight: 600; }
.heading { font-size: 12px; font-weight: 600; }
.label { font-size: 11px; }
.subtitle { font-size: 11px; fill: #66727f; }
.tick { font-size: 10px; fill: #66727f; text-anchor: middle; }
.end { text-anchor: end; }
.figure { font-size: 9px; fill: #4a5560; paint-order: stroke; stroke: #ffffff; stroke-width: 3px; }
.grid { stroke: #e3e7eb; }
.parity { stroke: #b3402a; stroke-width: 1.5; stroke-dasharray: 5 3; }
</style>"""
SERIES_COLOURS: Final = ("#2b6cb0", "#5aa9a3", "#d69e2e", "#805ad5")


@dataclass(frozen=True)
class Row:
    """A workload's label and one ratio per series: None where it failed; a series in `absent` was not to be."""

    label: str
    ratios: tuple[float | None, ...]
    absent: frozenset[int] = frozenset()

    def bars(self) -> list[tuple[int, float | None]]:
        """The series that have a bar, and their ratios."""
        return [(number, ratio) for number, ratio in enumerate(self.ratios) if number not in self.absent]


@dataclass(frozen=True)
class Section:
    """Rows under a heading."""

    heading: str
    rows: tuple[Row, ...]


def _axis_end(sections: list[Section]) -> float:
    ratios = [
        ratio for section in sections for row in section.rows for ratio in row.ratios if ratio is not None
    ]
    return min(AXIS_LIMIT, max([1.2, *(ratio * 1.05 for ratio in ratios)]))


def _ticks(end: float) -> list[float]:
    step = 0.25 if end <= 2 else 0.5
    return [step * i for i in range(int(end / step) + 1)]


class _Canvas:
    """Collects SVG elements, all text above all shapes; `x` turns a ratio into a position."""

    def __init__(self, axis_end: float) -> None:
        self.axis_end = axis_end
        self.scale = (WIDTH - LABEL_WIDTH - RIGHT_MARGIN) / axis_end
        self.shapes: list[str] = []
        self.texts: list[str] = []

    def x(self, ratio: float) -> float:
        return round(LABEL_WIDTH + min(ratio, self.axis_end) * self.scale, 1)

    def text(self, x: float, y: float, content: str, style: str = "") -> None:
        self.texts.append(f'<text x="{x:g}" y="{y:g}" class="{style or "label"}">{escape(content)}</text>')

    def box(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        size = f'width="{width:g}" height="{height:g}"'
        self.shapes.append(f'<rect x="{x:g}" y="{y:g}" {size} rx="1.5" fill="{colour}"/>')

    def bar(self, y: float, ratio: float, colour: str) -> None:
        left, right = self.x(0), self.x(ratio)
        self.box(left, y, right - left, BAR_HEIGHT, colour)
        cut = "» " if ratio > self.axis_end else ""
        self.text(right + 4, y + BAR_HEIGHT - 1, f"{cut}{ratio:.2f}x", "figure")

    def line(self, ratio: float, top: float, bottom: float, style: str) -> None:
        x = self.x(ratio)
        self.shapes.append(f'<line x1="{x:g}" y1="{top:g}" x2="{x:g}" y2="{bottom:g}" class="{style}"/>')


def _legend(canvas: _Canvas, series: list[str]) -> None:
    x = float(LABEL_WIDTH)
    for name, colour in zip(series, SERIES_COLOURS, strict=False):
        canvas.box(x, 62, 12, 10, colour)
        canvas.text(x + 17, 71, name)
        x += 40 + 6.4 * len(name)


def _section(canvas: _Canvas, section: Section, y: float) -> float:
    """Draws a section from `y` downwards and returns where it ends."""
    canvas.text(16, y + 18, section.heading, "heading")
    y += HEADING_HEIGHT
    for row in section.rows:
        height = len(row.bars()) * (BAR_HEIGHT + BAR_GAP)
        canvas.text(LABEL_WIDTH - 10, y + height / 2 + 3, row.label, "label end")
        for place, (number, ratio) in enumerate(row.bars()):
            top = y + place * (BAR_HEIGHT + BAR_GAP)
            if ratio is None:
                canvas.text(LABEL_WIDTH + 4, top + BAR_HEIGHT - 1, "not supported", "figure")
            else:
                canvas.bar(top, ratio, SERIES_COLOURS[number % len(SERIES_COLOURS)])
        y += height + ROW_GAP
    return y


def _height(sections: list[Section]) -> float:
    rows = [row for section in sections for row in section.rows]
    bars = sum(len(row.bars()) * (BAR_HEIGHT + BAR_GAP) + ROW_GAP for row in rows)
    return float(TOP + len(sections) * HEADING_HEIGHT + bars)


def render(title: str, subtitle: str, series: list[str], sections: list[Section]) -> str:
    """The whole chart as an SVG document; `series` names the ratios of every row in their order."""
    canvas = _Canvas(_axis_end(sections))
    bottom = _height(sections)
    for tick in _ticks(canvas.axis_end):
        canvas.line(tick, TOP - 8, bottom, "grid")
        canvas.text(canvas.x(tick), TOP - 12, f"{tick:g}x", "tick")
    y = float(TOP)
    for section in sections:
        y = _section(canvas, section, y)
    canvas.line(1.0, TOP - 8, bottom, "parity")
    canvas.text(16, 28, title, "title")
    canvas.text(16, 47, subtitle, "subtitle")
    _legend(canvas, series)
    size = f'viewBox="0 0 {WIDTH} {bottom + 14:g}" width="{WIDTH}" height="{bottom + 14:g}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n<title>{escape(title)}</title>\n'
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([head + STYLE, ground, *canvas.shapes, *canvas.texts, "</svg>"]) + "\n"
