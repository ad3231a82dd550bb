"""Tell which recipients reach an application's mailbox by another road than an address of ours."""

from collections.abc import Iterator, Sequence
from enum import Enum
from typing import NamedTuple

from reply_milter.core.native.verification import Verification
from reply_milter.core.token.address import loose_readings, parse_plain, same_address
from reply_milter.core.verdict.handler import Handler
from reply_milter.core.wrapping.pattern import ADDRESS_OCTETS
from reply_milter.core.wrapping.wrap import Road


class Spelling(Enum):
    """``PLAIN``: the client and the MTA spell the recipient alike, and plainly. ``ODD``: any other way to write it."""

    PLAIN = "plain"
    ODD = "odd"


class Direct(NamedTuple):
    """A recipient that is an application's own address. ``address``: in the client's letters, its domain in lower case.

    ``whole``: the address is one that the application gives out, so that it can be handed over under that name; else it
    only reaches the same mailbox, like the mailbox without any key.
    """

    handler: Handler
    road: Road
    address: str
    spelling: Spelling
    whole: bool

    @property
    def is_well_formed(self) -> bool:
        """Whether it is an address that the application gives out, spelled as it is there."""
        return self.whole and self.spelling is Spelling.PLAIN


def find_direct(wrapped: Sequence[Handler], argument: str, resolved: str | None, null_sender: bool) -> Direct | None:
    """Find the application that a recipient reaches; None if it reaches none.

    ``argument`` is the raw RCPT argument, ``resolved`` the MTA's ``{rcpt_addr}``, both as for ``address.classify``. A
    spelling that the MTA would deliver counts, however odd: quoted, source-routed, with a percent sign.
    """
    plain = parse_plain(argument)
    spelling = Spelling.PLAIN if plain is not None and same_address(plain, resolved) else Spelling.ODD
    for local, domain in _readings(plain, argument, resolved):
        for handler in wrapped if len(local) + len(domain) < ADDRESS_OCTETS else ():
            found = _road(handler, local, domain, null_sender)
            if found is not None:
                road, whole = found
                return Direct(handler, road, f"{local}@{domain}", spelling, whole)
    return None


def verification_of(direct: Direct) -> tuple[Verification, str] | None:
    """How a recipient is verified, and its key in the client's letters; None where it is not to be verified."""
    wrap = direct.handler.wrap
    if wrap is None or wrap.verification is None or direct.road is not Road.NATIVE or not direct.is_well_formed:
        return None
    found = wrap.address.match(direct.address)
    return None if found is None else (wrap.verification, found.key)


def may_pass(direct: Direct, now: int, has_wrapped: bool) -> bool:
    """Whether an application's own address is let through. ``now`` in Unix seconds.

    An open one and one for reports always are; a native one by the handler's settings, or while no notification of it
    was ever wrapped (``has_wrapped``): until then, every good reply is one to a native address.
    """
    if direct.road is not Road.NATIVE:
        return True
    wrap = direct.handler.wrap
    if wrap is None or wrap.verification is not None:
        return False  # that is for ``verification_of``
    return direct.whole and (wrap.passes(now) or not has_wrapped)


def _readings(plain: tuple[str, str] | None, argument: str, resolved: str | None) -> Iterator[tuple[str, str]]:
    """Ways to read a recipient: the client's first, because the MTA may fold the case of its own."""
    readings = [plain] if plain is not None else loose_readings(argument)
    if resolved is not None and "@" in resolved:
        local, _, domain = resolved.rpartition("@")
        readings.append((local, domain))
    for local, domain in readings:
        yield local, domain.lower().rstrip(".")


def _road(handler: Handler, local: str, domain: str, null_sender: bool) -> tuple[Road, bool] | None:
    """By which road ``local@domain`` reaches ``handler``'s application, and whether by a whole address of it."""
    wrap = handler.wrap
    if wrap is None:
        return None
    address = f"{local}@{domain}"
    if any(pattern.match(address) for pattern in wrap.open):
        return Road.OPEN, True
    if any(pattern.match(address) for pattern in wrap.bounces):
        return (Road.BOUNCE, True) if null_sender else (Road.NATIVE, False)
    if wrap.native_form(local, domain):
        return Road.NATIVE, wrap.address.match(address) is not None
    return None
