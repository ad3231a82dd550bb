"""Explain to an operator what a wrapped address needs, and whether an application's own address passes."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime

from reply_milter.core.native.explanation import Genuine, Line, Look, explain_native
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.wrapping.native import Direct, Spelling, find_direct, verification_of
from reply_milter.core.wrapping.plain import StoredOriginal
from reply_milter.core.wrapping.wrap import Road, Wrap

_ODD = "it is not spelled as the application gives it out: the milter refuses other spellings"
_RESTORED = "it is sealed, and the hook restores it"


def wrapped_words(wrap: Wrap) -> str:
    """Say that an address stands for an application's own, and what an answer to it must bear."""
    return (
        f"stands for an address of {wrap.preset.name} ({wrap.address.source}). Its user number is a pseudo-user's, "
        "computed from the notification's recipient. An answer must name the notification's capsule (<w1....>) in "
        "References" + (", or its Message-ID where the store keeps a copy" if wrap.store else "")
    )


def copy_words(original: StoredOriginal | None) -> str:
    """Say whether the store could help a reply that bears no capsule."""
    if original is None:
        return "the store keeps no copy of what it stands for: only the capsule tells"
    shown = "".join(char if "!" <= char <= "~" else "?" for char in original.message_id)  # whatever may stand in it
    return f"the store keeps a copy, for replies that name the notification <{shown}>"


def explain_direct(
    address: str, handlers: Handlers, now: int, left: Collection[int] | None, look: Look
) -> tuple[Direct, list[Line], Genuine | None] | None:
    """Explain an application's own address; None for any other. ``now`` in Unix seconds.

    ``left``: numbers of handlers of which a wrapped notification has left; None where this host can't tell. ``look``:
    asks the source of an application's users. The last of the result: who may answer, where it is verified and genuine.
    """
    direct = find_direct(handlers.wrapped, address, None, null_sender=True)
    if direct is None or direct.handler.wrap is None:
        return None
    how = verification_of(direct)
    if how is None:
        return direct, list(_lines(direct, direct.handler, direct.handler.wrap, now, left)), None
    lines, genuine = explain_native(*how, direct.handler.id, look, now)
    return direct, [_recipient(direct, direct.handler), *lines], genuine


def _lines(direct: Direct, handler: Handler, wrap: Wrap, now: int, left: Collection[int] | None) -> Iterator[Line]:
    yield _recipient(direct, handler)
    if direct.road is not Road.NATIVE:
        yield direct.road.value, True, _passing_words(direct), ""
    else:
        passes, words = _native(direct, wrap, now, None if left is None else handler.id in left)
        yield "native", passes, words, "native"
    if direct.spelling is Spelling.ODD:
        yield "spelling", False, _ODD, "malformed"


def _recipient(direct: Direct, handler: Handler) -> Line:
    does = "wraps" if handler.wrap is None or handler.wrap.outward else "verifies"
    return "recipient", True, f"an address of an application that handler {handler.name!r} {does}: {_road(direct)}", ""


def _road(direct: Direct) -> str:
    if direct.road is Road.NATIVE and not direct.whole:
        return "it reaches the application's mailbox, and is no address that the application gives out"
    return {Road.OPEN: "one of `open`", Road.BOUNCE: "one of `bounces`"}.get(direct.road, "its own, with no token")


def _passing_words(direct: Direct) -> str:
    if direct.road is Road.BOUNCE:
        return f"passes with the null sender only, and is refused as native with any other; {_RESTORED}"
    return f"passes, whoever writes; {_RESTORED}"


def _native(direct: Direct, wrap: Wrap, now: int, has_left: bool | None) -> tuple[bool, str]:
    if not direct.whole or wrap.verification is not None:
        return False, "refused: no setting lets it pass"
    if wrap.native_passes_until is None:
        return True, f'passes: native = "pass"; {_RESTORED}'
    if wrap.passes(now):
        until = datetime.fromtimestamp(wrap.native_passes_until, UTC).strftime("%Y-%m-%d")
        return True, f"passes until {until}; {_RESTORED}"
    if has_left is False:
        return True, "passes until the first wrapped notification of this handler has left; none has, on this host"
    unknown = ", unless no wrapped notification has left yet (state_dir can't be read)" if has_left is None else ""
    return False, f"refused: its time to pass is over{unknown}. The answer to the notification is enough"
