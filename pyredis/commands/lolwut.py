"""LOLWUT: the version, and on request a picture.

Redis 7 answers with its version alone, and so does this; `VERSION 5` and `VERSION 6` ask for the art of those
releases, with their parameters. The pictures are our own: arcs that lose their order from row to row, drawn
in braille dots, and mountains at dusk, drawn in coloured cells. Sizes are held to what a large terminal
shows, since the server draws while everybody waits: the largest picture takes about 50 ms interpreted.
"""

from __future__ import annotations

import math
from random import random, uniform
from typing import Final

from pyredis import REDIS_VERSION
from pyredis.commands.arguments import integer_argument
from pyredis.commands.registry import CommandGroup
from pyredis.engine.command import FAST, READONLY
from pyredis.engine.context import Context
from pyredis.protocol.encode import verbatim

lolwut_group: Final = CommandGroup("server")

COLUMNS_MAX: Final = 320
ROWS_MAX: Final = 120
TILES_MAX: Final = 60


@lolwut_group.command(
    "LOLWUT", arity=-1, flags=READONLY | FAST, since="5.0.0", syntax="[VERSION version]", complexity="",
)  # fmt: skip
def lolwut(ctx: Context, argv: list[bytes]) -> bytes:
    """Shows the version of the server, and computer art if asked for that of an older version.

    Source: `lolwutCommand`. The version is taken as a C unsigned int; what follows it are the parameters of
    the art: columns, tiles in a row and rows of tiles for 5, columns and rows for 6. All else is ignored.
    """
    text = ""
    if len(argv) >= 3 and argv[1].upper() == b"VERSION":
        version = integer_argument(argv[2]) & 0xFFFFFFFF
        if version == 5:
            text = arcs(*_sizes(argv, (66, COLUMNS_MAX), (8, TILES_MAX), (12, TILES_MAX)))
            text += "\nQuarter circles, in order and in disorder. "
        elif version == 6:
            columns, rows, _ = _sizes(argv, (80, COLUMNS_MAX), (20, ROWS_MAX), (0, 0))
            text = mountains(columns, rows) + "\nMountains at dusk, never the same twice. "
    return verbatim(f"{text}Redis ver. {REDIS_VERSION}\n".encode(), ctx.resp3)


def _sizes(
    argv: list[bytes], first: tuple[int, int], second: tuple[int, int], third: tuple[int, int]
) -> tuple[int, int, int]:
    """The parameters after the version, each with its default and its largest value; the least is 1."""
    sizes: list[int] = []
    for position, (default, largest) in enumerate((first, second, third), 3):
        size = default
        if position < len(argv) and largest:
            size = min(max(integer_argument(argv[position]), 1), largest)
        sizes.append(size)
    return sizes[0], sizes[1], sizes[2]


class Canvas:
    """Dots in a grid, two across and four down to a character."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns: int = columns
        self.rows: int = rows
        self.cells: list[int] = [0] * (columns * rows)

    def dot(self, x: int, y: int) -> None:
        """Sets a dot; outside of the canvas nothing happens."""
        if 0 <= x < self.columns * 2 and 0 <= y < self.rows * 4:
            self.cells[(y >> 2) * self.columns + (x >> 1)] |= _BRAILLE_DOTS[(y & 3) * 2 + (x & 1)]

    def text(self) -> str:
        """The picture, each line with its end."""
        lines: list[str] = []
        for row in range(self.rows):
            cells = self.cells[row * self.columns : (row + 1) * self.columns]
            lines.append("".join([chr(_BRAILLE + cell) for cell in cells]) + "\n")
        return "".join(lines)


_BRAILLE: Final = 0x2800
_BRAILLE_DOTS: Final = (0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80)
"""The bit of each dot of a braille character, from left to right and top to bottom."""


def arcs(columns: int, across: int, down: int) -> str:
    """Tiles of two quarter circles each, which form waves at the top and a maze at the bottom."""
    size = columns * 2 / across
    canvas = Canvas(columns, max(math.ceil(size * down / 4), 1))
    steps = max(int(size * 1.2), 2)
    for row in range(down):
        disorder = row / max(down - 1, 1)
        for column in range(across):
            is_turned = (row + column) % 2 == 0
            if random() < disorder / 2:
                is_turned = not is_turned
            left, top = column * size, row * size
            for step in range(steps + 1):
                angle = math.pi / 2 * step / steps
                x, y = math.cos(angle) * size / 2, math.sin(angle) * size / 2
                if is_turned:
                    canvas.dot(int(left + x), int(top + y))
                    canvas.dot(int(left + size - x), int(top + size - y))
                else:
                    canvas.dot(int(left + size - x), int(top + y))
                    canvas.dot(int(left + x), int(top + size - y))
    return canvas.text()


def mountains(columns: int, rows: int) -> str:
    """Three ridges, the nearest the darkest, below a sky with a moon."""
    ridges = [ridge(columns, rows * level, rows * 0.35) for level in (0.35, 0.6, 0.85)]
    moon_x, moon_y, radius = uniform(0.15, 0.85) * columns, rows * 0.2, max(rows * 0.12, 1.0)
    lines: list[str] = []
    for y in range(rows):
        cells: list[str] = []
        shown = -1
        for x in range(columns):
            colour = 17
            # A cell is about twice as high as it is wide.
            if ((x - moon_x) / 2) ** 2 + (y - moon_y) ** 2 <= radius * radius:
                colour = 230
            for shade, heights in zip((60, 54, 236), ridges, strict=True):
                if y >= heights[x]:
                    colour = shade
            cells.append(" " if colour == shown else f"\x1b[48;5;{colour}m ")
            shown = colour
        lines.append("".join(cells) + "\x1b[0m\n")
    return "".join(lines)


def ridge(columns: int, level: float, roughness: float) -> list[float]:
    """The outline of a ridge around `level`, by displacing the midpoints of a line again and again."""
    width = 1
    while width < columns:
        width *= 2
    heights = [level + uniform(-0.5, 0.5) * roughness for _ in range(width + 1)]
    span = width
    while span > 1:
        half = span // 2
        for middle in range(half, width, span):
            around = (heights[middle - half] + heights[middle + half]) / 2
            heights[middle] = around + uniform(-0.5, 0.5) * roughness
        roughness /= 1.8
        span = half
    return heights[:columns]
