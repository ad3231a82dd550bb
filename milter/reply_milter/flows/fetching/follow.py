"""Follow a mailbox: open it, look, wait until something changes, look again; after trouble, wait and open it anew."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from reply_milter.core.fetching.outcome import reconnect_seconds
from reply_milter.flows.fetching.look import look
from reply_milter.flows.fetching.service import FetchService
from reply_milter.ports.mailbox import MailboxRefusedError, MailboxUnavailableError, Opened

_IDLE_SECONDS = 540.0  # servers and routers drop connections that are silent for ten minutes and more
_BUSY_SECONDS = 5.0  # until it may be our turn


@dataclass(frozen=True, slots=True)
class Pace:
    """``rest`` waits for seconds; ``random`` returns 0 to 1; ``turn`` is held while messages are handled."""

    rest: Callable[[float], None]
    random: Callable[[], float]
    turn: AbstractContextManager[object]


def follow(current: Callable[[], FetchService], pace: Pace, goes_on: Callable[[], bool] = lambda: True) -> None:
    """Follow the mailbox of ``current()``, which a reload may replace between two looks, but for its mailbox."""
    failures = 0

    def progressed() -> None:
        nonlocal failures
        failures = 0

    while goes_on():
        service = current()
        try:
            opened = service.mailbox.open()
            service.telemetry.connected()
            while goes_on():
                is_alone = _look(current(), opened, pace, progressed)
                service.mailbox.wait(_until_next(current(), opened, is_alone))
            return
        except (MailboxUnavailableError, MailboxRefusedError) as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 # logged with its traceback
            service.telemetry.internal_error()
            why = f"an internal error: {type(error).__name__}"
        finally:
            service.mailbox.close()
        failures += 1
        seconds = reconnect_seconds(failures, pace.random)
        service.telemetry.disconnected(why, seconds)
        pace.rest(seconds)


def _look(service: FetchService, opened: Opened, pace: Pace, progressed: Callable[[], None]) -> bool:
    with pace.turn:
        is_alone = look(service, opened.uidvalidity, progressed)
    progressed()
    return is_alone


def _until_next(service: FetchService, opened: Opened, is_alone: bool) -> float:
    """How long to wait at most: an open message may fall due while nothing arrives."""
    if not is_alone:
        return _BUSY_SECONDS
    hears = service.rules.idles and opened.capabilities.idle
    longest = _IDLE_SECONDS if hears else float(service.rules.poll_seconds)
    due = service.record.next_due()
    return longest if due is None else min(longest, max(1.0, float(due - service.verifying.clock.now())))
