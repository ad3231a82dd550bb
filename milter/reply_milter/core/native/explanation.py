"""Explain to an operator what an application's own address says, and why it is verified or refused. Shows no key."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from reply_milter.core.native.forms import Named, Reading, is_genuine, reading_of
from reply_milter.core.native.known import Known
from reply_milter.core.native.verification import Verification

Line = tuple[str, bool, str, str]  # the check, whether it passes, words, and the reason if it doesn't
# What the source of a handler, by its number, knows of whom a key names; a text: why it gave no answer.
Look = Callable[[int, Named], Known | str | None]
_NOT_ASKED = "the source of its users was not asked"


def look_nowhere(_handler_id: int, _named: Named) -> Known | str | None:
    """Give no answer: for who has no source."""
    return _NOT_ASKED


class Genuine(NamedTuple):
    """Whom a genuine key names, and what the source knows of that user."""

    named: Named
    known: Known

    @property
    def last_second(self) -> int:
        """The last Unix second at which it is valid; 0 for no end."""
        return _last_second(self.named, self.known)


def _last_second(named: Named, known: Known) -> int:
    return named.last_second if named.last_second is not None else known.expires


def explain_native(
    how: Verification, key: str, handler_id: int, look: Look, now: int
) -> tuple[list[Line], Genuine | None]:
    """Verify a key as at RCPT; each check, and who it is if it is genuine. ``now`` in Unix seconds."""
    reading = reading_of(how.form, key)
    lines = [_form(how.form.name, reading)]
    if reading.is_blank:
        return lines, None
    known = look(handler_id, reading.named)
    lines.append(_source(reading.named, known))
    if known is None or isinstance(known, str):
        return lines, None
    genuine = is_genuine(reading, known)
    lines.append(_key(genuine))
    if not genuine:
        return lines, None
    lines += _standing(reading.named, known, now)
    return lines, Genuine(reading.named, known)


def _form(name: str, reading: Reading) -> Line:
    if reading.is_blank:
        words = f"{name} writes no such key: it was cut off, or altered, as by a server that folds the case of letters"
        return "form", False, words, "forged"
    if not reading.is_canonical:
        return "form", False, f"a second spelling, which {name} reads but never writes", "forged"
    return "form", True, f"as {name} writes it: {_about(reading.named)}", ""


def _about(named: Named) -> str:
    if named.handler:
        return f"handler {named.handler} of the application's, user {named.user}, data {named.data}"
    return f"user {named.user} of the application"


def _source(named: Named, known: Known | str | None) -> Line:
    if isinstance(known, str):
        return "source", False, f"no answer, so that the client hears 451: {known}", "store_unavailable"
    if known is None:
        data = f", or no data key of handler {named.handler} and data {named.data}" if named.handler else ""
        return "source", False, f"it knows no user {named.user}{data}", "forged"
    bound = f"answers come from {', '.join(known.addresses)}" if known.addresses else "anybody may answer"
    return "source", True, f"it knows user {named.user}; {bound}", ""


def _key(genuine: bool) -> Line:
    if genuine:
        return "mac", True, "made with this user's secret", ""
    return "mac", False, "made with another secret: made up, or the secret has changed since", "forged"


def _standing(named: Named, known: Known, now: int) -> Iterator[Line]:
    state = "disabled" if known.disabled else "not disabled"
    yield "user", not known.disabled, f"user {named.user} is {state} by the application", "forged"
    if named.handler:
        state = "disabled" if known.data_disabled else "not disabled"
        yield "handler", not known.data_disabled, f"handler {named.handler} of the application's is {state}", "forged"
    last = _last_second(named, known)
    if not last:
        yield "expires", True, "never", ""
    elif last >= 1 << 37:  # beyond what a calendar shows
        yield "expires", True, "after thousands of years", ""
    else:
        moment = datetime.fromtimestamp(max(last, 0), UTC).strftime("%Y-%m-%d %H:%M UTC")
        yield "expires", now <= last, moment if now <= last else f"expired {moment}", "expired"
