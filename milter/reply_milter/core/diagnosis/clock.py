"""The clock: tokens carry the time of their issue, so hosts that mint and verify must agree about it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reply_milter.core.diagnosis.problem import SHELL, Problem, Remedy, error, warning
from reply_milter.core.token.keyring import MasterKey
from reply_milter.core.token.token import EPOCH
from reply_milter.core.token.verify import FUTURE_SECONDS

_SKEW_SECONDS = 30


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """Unix seconds: of this host, of the store (None if unknown), and when key files were written."""

    now: float
    store: float | None
    written: tuple[int, ...] = ()


def examine(clock: ClockFacts, keys: Iterable[MasterKey]) -> Iterator[Problem]:
    """Examine whether this host's time can be right."""
    set_it = Remedy(SHELL, "timedatectl set-ntp true")
    known = (*clock.written, *(key.minted_until for key in keys if key.minted_until))
    if clock.now < EPOCH or clock.now + FUTURE_SECONDS < max(known, default=0):
        yield error(
            "clock.past",
            "this host's clock shows a time before its key files were written",
            "genuine addresses count as issued in the future and are refused as forged",
            set_it,
        )
    if clock.store is None:
        return
    skew = abs(clock.now - clock.store)
    what = f"this host's clock and the store's are {skew:.0f} s apart"
    if skew > FUTURE_SECONDS:
        yield error(
            "clock.skew",
            what,
            "one host refuses addresses of another as forged, because they seem to be issued in the future",
            set_it,
        )
    elif skew > _SKEW_SECONDS:
        yield warning(
            "clock.skew", what, f"at more than {FUTURE_SECONDS} s, genuine addresses are refused as forged", set_it
        )
