"""The two text formats that Prometheus reads: its own, version 0.0.4, and OpenMetrics 1.0.0.

They differ in little. OpenMetrics wants a counter's family to be named without `_total`, which its samples end in; a
counter that has another name for the sake of existing dashboards is `unknown` there. It may name a unit, which then
has to be the end of the family's name, and it ends with `# EOF`. Names of samples are the same in both.
"""

from __future__ import annotations

from typing import Final

COUNTER: Final = "counter"
GAUGE: Final = "gauge"
HISTOGRAM: Final = "histogram"
INFO: Final = "info"
"""A family named `..._info` whose value is always 1: what it has to say is in the labels."""

PLAIN_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
OPEN_TYPE: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_UNITS: Final = ("seconds", "bytes", "ratio")


class Exposition:
    """A text that grows by families and their samples."""

    def __init__(self, is_open: bool) -> None:
        self.is_open: bool = is_open
        self.lines: list[str] = []

    def family(self, name: str, kind: str, text: str) -> None:
        """Begins a family; all of its samples have to follow before the next one begins."""
        if self.is_open:
            self._open_family(name, kind, text)
            return
        self.lines.append(f"# HELP {name} {escaped(text, False)}")
        self.lines.append(f"# TYPE {name} {GAUGE if kind == INFO else kind}")

    def _open_family(self, name: str, kind: str, text: str) -> None:
        base = name
        if kind == COUNTER:
            base = name.removesuffix("_total")
            if base == name:
                kind = "unknown"
        elif kind == INFO:
            base = name.removesuffix("_info")
        self.lines.append(f"# TYPE {base} {kind}")
        unit = base.rpartition("_")[2]
        if unit in _UNITS and kind != INFO:
            self.lines.append(f"# UNIT {base} {unit}")
        self.lines.append(f"# HELP {base} {escaped(text, True)}")

    def sample(self, name: str, labels: str, value: str) -> None:
        """Adds a sample; `labels` is what `label` returned, several joined by commas, or nothing."""
        self.lines.append(f"{name}{{{labels}}} {value}" if labels else f"{name} {value}")

    def data(self) -> bytes:
        """The whole text."""
        end = "# EOF\n" if self.is_open else ""
        return ("\n".join(self.lines) + "\n" + end).encode("utf-8", "replace")


def label(name: str, value: str) -> str:
    """A label of a sample."""
    return f'{name}="{escaped(value, True)}"'


def escaped(text: str, with_quotes: bool) -> str:
    """A text on one line: backslash, line feed and, in labels and in OpenMetrics, the double quote."""
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if with_quotes else text


def seconds_text(seconds: float) -> str:
    """A duration, as exact as it is known."""
    return repr(round(seconds, 9))


def wants_open_metrics(accept: str) -> bool:
    """Whether an Accept header prefers OpenMetrics 1.0.0 to the plain text; without one the plain text is safe."""
    best_open = best_plain = 0.0
    for item in accept.lower().split(","):
        words = [word.strip() for word in item.split(";")]
        quality, version = 1.0, ""
        for word in words[1:]:
            name, _, value = word.partition("=")
            if name.strip() == "q":
                quality = _quality(value.strip())
            elif name.strip() == "version":
                version = value.strip()
        if words[0] == "application/openmetrics-text" and version in ("", "1.0.0"):
            best_open = max(best_open, quality)
        elif words[0] in ("text/plain", "text/*", "*/*"):
            best_plain = max(best_plain, quality)
    return best_open > 0.0 and best_open >= best_plain


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
