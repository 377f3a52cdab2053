"""LATENCY: spikes by event, and how long each command takes.

The samples and histograms are `pyredis.engine.latency`'s; here is how they are shown. DOCTOR gives its report in
words of its own, the rest answers as Redis does.
"""

from __future__ import annotations

from typing import Final

from pyredis.commands.help import help_reply
from pyredis.commands.server import server
from pyredis.engine.command import ADMIN, LOADING, NOSCRIPT, STALE, Command
from pyredis.engine.context import Context
from pyredis.engine.latency import LatencySeries
from pyredis.errors import CommandError
from pyredis.protocol.encode import array, array_header, bulk, integer, map_header, verbatim

_FLAGS: Final = ADMIN | NOSCRIPT | LOADING | STALE
_TIPS: Final = ("nondeterministic_output", "request_policy:all_nodes", "response_policy:special")

COLUMNS: Final = 80
ROWS: Final = 4
MARKS: Final = b"_o#"
"""A sample's share of a row, from the lowest third to the highest."""

server.container("LATENCY", since="2.8.13", summary="Holds the commands about latency")


@server.command(
    "LATENCY LATEST", arity=2, flags=_FLAGS, since="2.8.13", complexity="O(N) with N events", tips=_TIPS,
)  # fmt: skip
def latency_latest(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns, for each event, when it was last slow, for how long, and the longest time ever."""
    items: list[bytes] = []
    for event, series in ctx.engine.latency.events.items():
        second, milliseconds = series.samples[-1]
        items.append(
            array_header(4) + bulk(event) + integer(second) + integer(milliseconds) + integer(series.highest)
        )
    return array(items)


@server.command(
    "LATENCY HISTORY", arity=3, flags=_FLAGS, since="2.8.13", syntax="event",
    complexity="O(N) with up to 160 samples", tips=_TIPS,
)  # fmt: skip
def latency_history(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns the samples of one event, each with its second and its milliseconds."""
    series = ctx.engine.latency.events.get(argv[2])
    if series is None:
        return array([])
    return array([array_header(2) + integer(second) + integer(spike) for second, spike in series.samples])


@server.command(
    "LATENCY RESET", arity=-2, flags=_FLAGS, since="2.8.13", syntax="[event...]",
    complexity="O(N) with N events", tips=("request_policy:all_nodes", "response_policy:all_succeeded"),
)  # fmt: skip
def latency_reset(ctx: Context, argv: list[bytes]) -> bytes:
    """Forgets the samples of some events, or of all; returns how many events that were."""
    return integer(ctx.engine.latency.reset(argv[2:]))


@server.command(
    "LATENCY HISTOGRAM", arity=-2, flags=_FLAGS, since="7.0.0", syntax="[command...]",
    complexity="O(N) with N commands asked for", tips=_TIPS,
)  # fmt: skip
def latency_histogram(ctx: Context, argv: list[bytes]) -> bytes:
    """Returns how many calls of each command took up to 1, 2, 4 and so on microseconds."""
    engine = ctx.engine
    chosen: list[Command] = []
    if len(argv) == 2:
        chosen = engine.all_commands
    for name in argv[2:]:
        command = engine.commands.get(name.lower())
        if command is None and b"|" in name:
            container, subcommand = name.lower().split(b"|", 1)
            parent = engine.commands.get(container)
            if parent is not None and parent.subcommands is not None:
                command = parent.subcommands.get(subcommand)
        if command is not None:
            chosen.append(command)
            if command.subcommands is not None:
                chosen += command.subcommands.values()
    items = [_command_levels(command, ctx.resp3) for command in chosen if command.histogram is not None]
    return map_header(len(items), ctx.resp3) + b"".join(items)


def _command_levels(command: Command, resp3: bool) -> bytes:
    histogram = command.histogram
    assert histogram is not None
    levels = histogram.levels()
    return b"".join(
        [
            bulk(command.full_name),
            map_header(2, resp3),
            bulk(b"calls"),
            integer(histogram.total()),
            bulk(b"histogram_usec"),
            map_header(len(levels), resp3),
            *[integer(microseconds) + integer(count) for microseconds, count in levels],
        ]
    )


@server.command(
    "LATENCY GRAPH", arity=3, flags=_FLAGS, since="2.8.13", syntax="event",
    complexity="O(N) with up to 160 samples", tips=_TIPS,
)  # fmt: skip
def latency_graph(ctx: Context, argv: list[bytes]) -> bytes:
    """Draws the samples of one event, the latest on the right."""
    series = ctx.engine.latency.events.get(argv[2])
    if series is None:
        raise CommandError(b"ERR No samples available for event '" + argv[2].split(b"\0")[0] + b"'")
    return verbatim(draw(argv[2], series, int(ctx.engine.clock.now_ms // 1000)), ctx.resp3)


def draw(event: bytes, series: LatencySeries, now: int) -> bytes:
    """The graph of an event: a heading, then for each 80 samples four rows and how long ago each one was."""
    spikes = [spike for _, spike in series.samples]
    low, high = min(spikes), max(spikes)
    lines = [
        b"%b - high %d ms, low %d ms (all time high %d ms)" % (event, high, low, series.highest),
        b"-" * COLUMNS,
    ]
    steps = len(MARKS) * ROWS
    span = float(high - low) if high > low else 1.0
    for start in range(0, len(spikes), COLUMNS):
        if start:
            lines.append(b"")
        part = series.samples[start : start + COLUMNS]
        heights = [min(int((spike - low) * steps / span), steps - 1) for _, spike in part]
        for row in range(ROWS):
            floor = (ROWS - row - 1) * len(MARKS)
            lines.append(b"".join([_mark(height - floor) for height in heights]))
        labels = [_age(now - second) for second, _ in part]
        lines.append(b" " * len(part))
        lines += [
            b"".join([label[position : position + 1] or b" " for label in labels])
            for position in range(max([len(label) for label in labels]))
        ]
    return b"\n".join(lines) + b"\n"


def _mark(height: int) -> bytes:
    if height < 0:
        return b" "
    return MARKS[height : height + 1] if height < len(MARKS) else b"|"


def _age(seconds: int) -> bytes:
    for unit, length in ((b"d", 86_400), (b"h", 3600), (b"m", 60)):
        if seconds >= length:
            return b"%d" % (seconds // length) + unit
    return b"%ds" % seconds


@server.command("LATENCY DOCTOR", arity=2, flags=_FLAGS, since="2.8.13", complexity="O(1)", tips=_TIPS)
def latency_doctor(ctx: Context, argv: list[bytes]) -> bytes:
    """Reports in words what was slow, and what may help."""
    monitor = ctx.engine.latency
    if not monitor.events:
        if monitor.threshold == 0:
            text = b"Latency monitoring is off. CONFIG SET latency-monitor-threshold <milliseconds> turns it on.\n"
        else:
            text = b"Nothing has taken %d ms or longer since monitoring began.\n" % monitor.threshold
        return verbatim(text, ctx.resp3)
    lines = [b"Latency spikes by event:", b""]
    advice: list[bytes] = []
    for number, (event, series) in enumerate(monitor.events.items(), 1):
        lines.append(b"%d. %b: %b" % (number, event, _diagnosis(series)))
        for hint in _advice(ctx, event):
            if hint not in advice:
                advice.append(hint)
    if advice:
        lines += [b"", b"What may help:", b""]
        lines += [b"- " + hint for hint in advice]
    return verbatim(b"\n".join(lines) + b"\n", ctx.resp3)


def _diagnosis(series: LatencySeries) -> bytes:
    first, last = series.samples[0][0], series.samples[-1][0]
    count = len(series.samples)
    text = b"%d spikes, on average %d ms with a deviation of %d ms" % (
        count,
        series.mean(),
        series.deviation(),
    )
    if count > 1:
        text += b", one every %.2f s" % ((last - first) / (count - 1))
    return text + b"; the worst ever took %d ms." % series.highest


def _advice(ctx: Context, event: bytes) -> list[bytes]:
    """What can be done about an event."""
    if event in (b"command", b"fast-command"):
        hints = [b"SLOWLOG GET tells which requests are slow."]
        log = ctx.engine.slow_log
        threshold_us = int(ctx.engine.latency.threshold) * 1000
        if not log.is_on() or log.slower_than > threshold_us:
            hints.insert(
                0,
                b"The slow log misses requests that are spikes here: CONFIG SET slowlog-log-slower-than %d."
                % threshold_us,
            )
        hints.append(
            b"Removing a large value takes long, by whatever command: UNLINK and the lazyfree-* directives leave it "
            b"to the background."
        )
        return hints
    if event == b"fork":
        return [
            b"Forking takes longer the more memory there is; snapshots can be rarer (save), or taken on a replica."
        ]
    if event.startswith(b"aof-"):
        return [
            b"The disk is slow: check what else uses it, give the log one of its own, or use appendfsync everysec."
        ]
    if event.startswith(b"expire-"):
        return [b"Many keys expire at the same time: add something random to their times to live."]
    return [b"Check what else the machine does: swapping, other processes, a hypervisor."]


HELP: Final = (
    b"DOCTOR",
    b"    Return a human readable latency analysis report.",
    b"GRAPH <event>",
    b"    Return an ASCII latency graph for the <event> class.",
    b"HISTORY <event>",
    b"    Return time-latency samples for the <event> class.",
    b"LATEST",
    b"    Return the latest latency samples for all events.",
    b"RESET [<event> ...]",
    b"    Reset latency data of one or more <event> classes.",
    b"    (default: reset all data for all event classes)",
    b"HISTOGRAM [COMMAND ...]",
    b"    Return a cumulative distribution of latencies in the format of a histogram for the specified command "
    b"names.",
    b"    If no commands are specified then all histograms are replied.",
)


@server.command("LATENCY HELP", arity=2, flags=LOADING | STALE, since="2.8.13", complexity="O(1)")
def latency_help(ctx: Context, argv: list[bytes]) -> bytes:
    """Lists the subcommands of LATENCY."""
    return help_reply(b"LATENCY", HELP)
