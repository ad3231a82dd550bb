"""The canary of an application whose own addresses are verified: keys made with the secret of one of its users.

Gitea and Forgejo do nothing with such a key, because its purpose is one that they don't know; it ends within minutes.
Moodle's is the very key that it gives to that user: choose a user and a data value of your own for it.
"""

from dataclasses import replace
from typing import Final, NamedTuple

from reply_milter.core.native import gitea, gob, moodle
from reply_milter.core.native.forms import Named, NativeForm
from reply_milter.core.native.known import Known
from reply_milter.core.native.verification import CanaryUser
from reply_milter.core.wrapping.pattern import Pattern

_KINDS: Final = {kind.name: kind for kind in (gitea.GITEA, gitea.FORGEJO)}
_PURPOSE: Final = 255  # neither a reply nor an unsubscription
_SECONDS: Final = 300  # that a key of Gitea or Forgejo is valid


class Keys(NamedTuple):
    """One key that must be accepted, and the same with another MAC, which must be refused."""

    genuine: str
    forged: str


def named(form: NativeForm, canary: CanaryUser) -> Named:
    """What the source is asked for."""
    return replace(form.blank, user=canary.user, handler=canary.handler, data=canary.data)


def keys(form: NativeForm, canary: CanaryUser, known: Known, now: int) -> Keys:
    """Write both keys as the application does. ``now`` in Unix seconds."""
    kind = _KINDS.get(form.name)
    if kind is None:
        mac = moodle.mac_of(known.data_secret, known.secret)
        token = moodle.MoodleToken(canary.handler, canary.user, canary.data, mac)
        return Keys(moodle.write(token), moodle.write(replace(token, mac=_another(mac))))
    expires = now + _SECONDS
    payload = gob.write_int(expires) + gob.write_uint(_PURPOSE) + gob.write_octets(b"")
    mac = gitea.mac_of(payload, known.secret, kind)
    made = gitea.GiteaToken(canary.user, mac, payload, expires, _PURPOSE, b"")
    return Keys(gitea.write(made, kind), gitea.write(replace(made, mac=_another(mac)), kind))


def address(pattern: Pattern, key: str) -> str:
    """The application's address with a key, as the client would spell it."""
    local = pattern.source.rpartition("@")[0].replace("{any}", "canary").replace("{key}", key)
    return f"{local}@{pattern.domain}"


def _another(mac: bytes) -> bytes:
    return bytes([mac[0] ^ 1]) + mac[1:]
