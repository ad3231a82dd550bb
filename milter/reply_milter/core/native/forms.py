"""The forms of native addresses that can be verified, by application: the key of an address in, what it names out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from reply_milter.core.native import gitea, moodle
from reply_milter.core.native.known import STRANGER, Known

_YEAR: Final = 366 * 86400  # Gitea's tokens end a year after they were made


@dataclass(frozen=True, slots=True)
class Named:
    """What a key names, not yet checked. ``handler`` and ``data``: Moodle's; else 0. Times in Unix seconds.

    ``identity``: octets that replay is told by, the same for every spelling. ``issued_at``: not later than that; 0
    where nothing tells. ``last_second``: the last one at which it is valid; None where only the application knows.
    """

    user: int
    identity: bytes
    issued_at: int
    last_second: int | None
    is_made_with: Callable[[Known], bool]
    handler: int = 0
    data: int = 0


@dataclass(frozen=True, slots=True)
class NativeForm:
    """How one application writes its keys.

    ``read``: the one spelling that it writes. ``read_loosely``: any other that it would take. ``blank``: is looked up
    and checked in place of what can't be read.
    """

    name: str
    read: Callable[[str], Named | None]
    read_loosely: Callable[[str], Named | None]
    blank: Named


@dataclass(frozen=True, slots=True)
class Reading:
    """A key as it was read. ``is_canonical``: in the application's own spelling."""

    named: Named
    is_canonical: bool
    is_blank: bool


def reading_of(form: NativeForm, key: str) -> Reading:
    """Read a key. There is always something to look up and to check, so that nobody hears or times what was wrong."""
    canonical = form.read(key)
    other = form.read_loosely(key)
    if canonical is not None:
        return Reading(canonical, is_canonical=True, is_blank=False)
    return Reading(other or form.blank, is_canonical=False, is_blank=other is None)


def is_genuine(reading: Reading, known: Known | None) -> bool:
    """Whether the application made it, in whatever spelling. ``known`` None: it knows no such user."""
    matches = reading.named.is_made_with(known or STRANGER)
    return matches and known is not None and not reading.is_blank


def _of_gitea(kind: gitea.Kind) -> NativeForm:
    blank = gitea.GiteaToken(1, bytes(kind.mac_octets), bytes(29), 0, 0, b"")
    return NativeForm(
        name=kind.name,
        read=lambda key: _named(gitea.parse(key, kind), kind),
        read_loosely=lambda key: _named(gitea.parse_loosely(key, kind), kind),
        blank=_gitea(blank, kind),
    )


def _named(token: gitea.GiteaToken | None, kind: gitea.Kind) -> Named | None:
    return None if token is None else _gitea(token, kind)


def _gitea(token: gitea.GiteaToken, kind: gitea.Kind) -> Named:
    return Named(
        user=token.user,
        identity=token.identity,
        issued_at=max(token.expires - _YEAR, 0),
        last_second=token.expires,
        is_made_with=partial(_is_gitea, token, kind),
    )


def _is_gitea(token: gitea.GiteaToken, kind: gitea.Kind, known: Known) -> bool:
    return gitea.is_genuine(token, known.secret, kind)


def _read_moodle(key: str) -> Named | None:
    token = moodle.parse(key)
    return None if token is None else _moodle(token)


def _moodle(token: moodle.MoodleToken) -> Named:
    return Named(
        user=token.user,
        identity=token.identity,
        issued_at=0,
        last_second=None,
        is_made_with=partial(_is_moodle, token),
        handler=token.handler,
        data=token.data,
    )


def _is_moodle(token: moodle.MoodleToken, known: Known) -> bool:
    matches = moodle.is_genuine(token, known.data_secret, known.secret)
    return matches and bool(known.data_secret)  # as where a query joins a row that is not there


def _never(_key: str) -> Named | None:
    return None


FORMS: Final = {
    form.name: form
    for form in (
        _of_gitea(gitea.GITEA),
        _of_gitea(gitea.FORGEJO),
        # 36 octets in 48 characters have one spelling; what else Moodle takes is another address.
        NativeForm("moodle", _read_moodle, _never, _moodle(moodle.MoodleToken(1, 1, 0, bytes(12)))),
    )
}
