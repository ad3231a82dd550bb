"""Applications that may have reply addresses minted: how they prove who they are, and for which handlers they may ask.

What a host's network says is true of every program on it. So an application shows a login, a secret, or both; a network
narrows that.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import NamedTuple

from reply_milter.core.verdict.handler import HANDLER_NAME

Networks = tuple[IPv4Network | IPv6Network, ...]

WRONG_KEY = "the key is missing or wrong: the field needs key=SECRET, as in the secret_file of a [[sign.application]]"
UNPROVEN = "the client is not a [[sign.application]] and is not in sign.trusted"
NO_LOGIN = "the client has not authenticated and is not in sign.trusted"
_LISTED = 8  # names and networks in one text
_SHOWN_LOGIN = 64


class Asker(NamedTuple):
    """Who asks. ``client``: an IP address as text. ``login`` and ``key`` are empty where none was given.

    ``handler``: which one is asked for; empty where the request can't be read.
    """

    client: str
    login: str
    key: str
    handler: str

    def __repr__(self) -> str:
        """Without login and key: it may stand in a traceback."""
        return f"Asker(client={self.client!r}, handler={self.handler!r})"


@dataclass(frozen=True, slots=True)
class Application:
    """Who may ask for ``handlers``, by names. All proofs that are given must hold, and at least one is.

    ``logins`` are compared octet by octet. ``secret_file`` is where the secret lies, ``secret`` its digest: while that
    is empty, no key matches.
    """

    name: str
    handlers: frozenset[str]
    logins: frozenset[str] = frozenset()
    networks: Networks = ()
    secret_file: str = ""
    secret: bytes = field(default=b"", repr=False)

    def is_known_by(self, asker: Asker) -> bool:
        """Whether there are other proofs than a secret, and all of them hold."""
        return bool(self.logins or self.networks) and self._holds_but_for_secret(asker)

    def is_proven_by(self, asker: Asker) -> bool:
        """Whether every proof holds."""
        if not self._holds_but_for_secret(asker):
            return False
        return not self.secret_file or hmac.compare_digest(self.secret, digest(asker.key))

    def proofs(self) -> str:
        """Describe what it must prove, for operators; never the secret."""
        proofs = [f"login {' or '.join(sorted(self.logins))}"] if self.logins else []
        proofs += [f"from {', '.join(map(str, self.networks))}"] if self.networks else []
        proofs += [f"the secret in {self.secret_file}"] if self.secret_file else []
        return ", and ".join(proofs)

    def _holds_but_for_secret(self, asker: Asker) -> bool:
        if self.logins and asker.login not in self.logins:
            return False
        return not self.networks or is_among(asker.client, self.networks)


class Standing(Enum):
    """What an asker may do. ``stranger``: the request is removed, and the message is accepted."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    STRANGER = "stranger"


class Admission(NamedTuple):
    """``application``: as whom it was admitted or refused; empty for a network or a login that names none.

    ``problem``: words for the log, and for the client if it is refused; of what was shown they hold a handler's name.
    """

    standing: Standing
    application: str = ""
    problem: str = ""


def admit(asker: Asker, applications: Sequence[Application], trusted: Networks) -> Admission:
    """Decide whether ``asker`` may have an address minted.

    A request that cannot be read is admitted where another might be, so that its sender hears what is wrong with it.
    """
    proven = [application for application in applications if application.is_proven_by(asker)]
    if proven:
        return _admit_proven(asker, proven, applications)
    if asker.login and not applications:
        return Admission(Standing.ADMITTED)
    if is_among(asker.client, trusted):
        wrong = _needs_key(asker, applications)
        return Admission(Standing.REFUSED, "", WRONG_KEY) if wrong else Admission(Standing.ADMITTED)
    known = next((application.name for application in applications if application.is_known_by(asker)), "")
    if known:
        return Admission(Standing.REFUSED, known, WRONG_KEY)
    return Admission(Standing.STRANGER, "", UNPROVEN if applications else NO_LOGIN)


def _admit_proven(asker: Asker, proven: Sequence[Application], applications: Sequence[Application]) -> Admission:
    """Whether somebody who is one of ``proven`` may: not with a wrong key, nor for another's handler."""
    if _shows_wrong_key(asker, applications):
        return Admission(Standing.REFUSED, proven[0].name, WRONG_KEY)
    for application in proven:
        if not asker.handler or asker.handler in application.handlers:
            return Admission(Standing.ADMITTED, application.name)
    return Admission(Standing.REFUSED, proven[0].name, wrong_handler(asker.handler, proven[0]))


def wrong_handler(handler: str, application: Application) -> str:
    """Say that ``application`` may not ask for ``handler``, and for which it may."""
    named = f", {handler}" if HANDLER_NAME.fullmatch(handler) else ""
    may = f"the [[sign.application]] {application.name} names {some(application.handlers)}"
    return f"this application may not ask for that handler{named}: {may}"


def some(names: Iterable[str]) -> str:
    """List names, but no more than fit into a reply."""
    listed = sorted(names)
    return ", ".join(listed[:_LISTED]) + (", ..." if len(listed) > _LISTED else "")


def stranger(asker: Asker, applications: Sequence[Application], trusted: Networks) -> str:
    """Say for the log who asked, and who may: with this, an operator sees which proof is wrong. Never a secret."""
    login = f"logged in as {asker.login[:_SHOWN_LOGIN]!r}" if asker.login else "not logged in"
    may = [f"{one.name} ({one.proofs()})" for one in applications[:_LISTED]]
    may += ["..."] if len(applications) > _LISTED else []
    may += [] if applications else ["any login"]
    may += [f"sign.trusted {', '.join(map(str, trusted[:_LISTED]))}"] if trusted else []
    return f"client {asker.client or 'unknown'}, {login}; may ask: {'; '.join(may)}"


def _shows_wrong_key(asker: Asker, applications: Sequence[Application]) -> bool:
    """Whether a key is shown, and is no application's secret though there are some."""
    guarding = [application for application in applications if application.secret_file]
    if not asker.key or not guarding:
        return False
    shown = digest(asker.key)
    return not any(hmac.compare_digest(application.secret, shown) for application in guarding)


def _needs_key(asker: Asker, applications: Sequence[Application]) -> bool:
    """Whether trust in a network is not enough: a key is wrong, or guards the handler that is asked for."""
    guarding = [application for application in applications if application.secret_file]
    return bool(guarding) and (
        bool(asker.key) or any(asker.handler in application.handlers for application in guarding)
    )


def digest(secret: str) -> bytes:
    """A digest of a secret, to keep and compare; its length does not show the secret's."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def is_among(client: str, networks: Networks) -> bool:
    """Whether ``client``, an IP address as text, is in one of ``networks``; no other text is."""
    if not networks:
        return False
    try:
        address = ip_address(client)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in networks)
