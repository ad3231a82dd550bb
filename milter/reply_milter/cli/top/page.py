"""The page of ``top``, as lines of text: the state, rates and counts, and the newest decisions."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from reply_milter.adapters.telemetry.log_lines import DELIVERY, EVENTS, NOTIFICATION, RECIPIENT, LogLine
from reply_milter.cli.terminal import Colour, Terminal, fitted
from reply_milter.cli.top.look import Look, Window
from reply_milter.cli.top.state import State
from reply_milter.cli.why_words import colour_of
from reply_milter.core.verdict.reasons import Reason
from reply_milter.ports import Fate

_VERDICTS = (Fate.ACCEPT, Fate.REJECT, Fate.DEFER, Fate.DISCARD, Fate.PARK)
_COLUMN = 8
_NAME = 13
_FEW_REASONS = 8
_STEPS = {RECIPIENT: "rcpt", NOTIFICATION: "notify", DELIVERY: "deliver"}
_ROW = "{:<8}  {:<15} {:<7} {:<9} {:<26} {:<10} {}"
_HEADS = ("TIME", "QUEUE", "STEP", "VERDICT", "REASON", "HANDLER", "TOKEN OR CLIENT")
_LATE = 3  # canaries in a row that did not succeed


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown at ``now``, Unix seconds. ``window``: None where no page of the daemon could be read.

    ``note``: why there may be no decisions, or empty.
    """

    state: State
    window: Window | None
    lines: Sequence[LogLine]
    note: str
    now: float

    def members(self) -> dict[str, object]:
        """Return everything for a program."""
        window, last = self.window, self.window.last if self.window else Look(0.0)
        return {
            "time": int(self.now),
            **asdict(self.state),
            "since_start": {"verdicts": last.verdicts, "reasons": last.reasons, **last.others},
            "per_minute": {of: window.per_minute(of) for of in ("verdicts", "reasons", "others")} if window else None,
            "decisions": [
                {"time": None if line.unix is None else int(line.unix), "event": line.event, **line.fields}
                for line in self.lines
            ],
        }

    def drawn(self, terminal: Terminal, rows: int) -> list[str]:
        """Return at most ``rows`` lines that fit the terminal; the newest decisions fill what is left."""
        top = [*self._head(terminal), "", *self._numbers(terminal), ""]
        heads = terminal.paint(Colour.BOLD, fitted(_ROW.format(*_HEADS), terminal.width))
        room = max(0, rows - len(top) - 1)
        shown = [self._decision(line, terminal) for line in self.lines[-room:]] if room else []
        return [*top, heads, *(shown or [fitted(self.note, terminal.width)])][:rows]

    def _head(self, terminal: Terminal) -> Iterator[str]:
        state = self.state
        mode = {None: "", True: "enforce mode", False: "OBSERVE MODE: nothing is refused"}[state.enforcing]
        title = "  ".join(filter(None, (f"reply-milter {state.version}".strip(), mode, _clock(self.now) + " UTC")))
        yield terminal.paint(Colour.BOLD, fitted(title, terminal.width))
        if state.problems:
            for problem in state.problems:
                yield terminal.paint(Colour.RED, fitted(f"NOT READY  {problem}", terminal.width))
        else:
            yield terminal.paint(Colour.GREEN, "ready")
        if state.answers:
            yield fitted("   ".join(_facts(state)), terminal.width)

    def _numbers(self, terminal: Terminal) -> Iterator[str]:
        if self.window is None:
            return
        last, columns = self.window.last, terminal.width
        more = sorted(name for name, count in last.verdicts.items() if count and name not in _VERDICTS)
        names = [*_VERDICTS, *more]
        yield _cells("", [*names, *last.others], columns)
        if rates := {**self.window.per_minute("verdicts"), **self.window.per_minute("others")}:
            yield _cells("per minute", [_rate(rates.get(name, 0)) for name in (*names, *last.others)], columns)
        counts = {**last.verdicts, **last.others}
        yield _cells("since start", [f"{counts.get(name, 0):.0f}" for name in (*names, *last.others)], columns)
        yield fitted(f"{'reasons':<{_NAME}}{self._reasons()}", columns)

    def _reasons(self) -> str:
        """Return the most frequent reasons of the last minute, else of all time."""
        assert self.window is not None  # noqa: S101 # asked by the caller
        rates = {name: rate for name, rate in self.window.per_minute("reasons").items() if rate and name != Reason.OK}
        counts, unit = (rates, " per minute") if rates else (self.window.last.reasons, " since start")
        found = sorted(((count, name) for name, count in counts.items() if count and name != Reason.OK), reverse=True)
        words = ", ".join(f"{name} {_rate(count)}" for count, name in found[:_FEW_REASONS])
        return f"{words}{unit}" if words else "none yet"

    def _decision(self, line: LogLine, terminal: Terminal) -> str:
        fields = line.fields
        verdict = fields.get("verdict") or fields.get("outcome", "")
        verdict = f"({fields['would']})" if fields.get("would") else verdict
        reason = ": ".join(filter(None, (fields.get("reason"), fields.get("because") or fields.get("problem"))))
        last = fields.get("token") or fields.get("client", "")
        step = _STEPS.get(line.event, "message")
        moment = _clock(line.unix) if line.unix is not None else ""
        cells = (moment, fields.get("queue", "-"), step, verdict, reason, fields.get("handler", ""), last)
        widths = (8, 15, 7, 9, 26, 10, terminal.width)
        text = _ROW.format(*(fitted(cell, width) for cell, width in zip(cells, widths, strict=True)))
        return terminal.paint(colour_of(line), fitted(text.rstrip(), terminal.width))


def is_decision(line: LogLine) -> bool:
    """Return whether the page shows a line: all but the addresses that RCPT merely accepted."""
    if line.event not in EVENTS:
        return False
    return line.event != RECIPIENT or line.fields.get("verdict") != Fate.ACCEPT or bool(line.fields.get("would"))


def _facts(state: State) -> Iterator[str]:
    if state.store_up is not None:
        size = "" if state.store_bytes is None else f" {_octets(state.store_bytes)}"
        yield f"store {'up' if state.store_up else 'DOWN'}{size}"
    yield f"canary {_canary(state)}"
    size = f" ({_octets(state.parked_bytes)})" if state.parked and state.parked_bytes else ""
    yield f"parked {state.parked or 0:.0f}{size}"
    yield f"connections {state.connections or 0:.0f}"
    up, wanted = state.processes
    yield f"processes {up} of {wanted}" + (f", {state.restarts} restarts" if state.restarts else "")


def _canary(state: State) -> str:
    if not state.canary_seconds:
        return "off"
    if state.canary_age is None:
        return "NEVER SUCCEEDED"
    late = state.canary_age > _LATE * state.canary_seconds
    return f"{'LATE, ' if late else ''}{state.canary_age:.0f} s ago"


def _cells(name: str, cells: Sequence[str], width: int) -> str:
    """Return a row of right-aligned cells, as many as fit."""
    sizes = [max(_COLUMN, len(cell) + 2) for cell in cells]
    return (f"{name:<{_NAME}}" + "".join(f"{cell:>{size}}" for cell, size in zip(cells, sizes, strict=True)))[:width]


def _rate(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _octets(value: float) -> str:
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def _clock(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%H:%M:%S")
