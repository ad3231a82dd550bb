"""Settings of wrapped applications: what binds, what does not yet, and what the LMTP server must do."""

from dataclasses import replace

import pytest

from reply_milter.core.diagnosis.wrapped import examine, unbound_names
from reply_milter.core.native.forms import FORMS
from reply_milter.core.native.verification import LinesFile, Verification
from reply_milter.core.verdict.destination import LmtpRelay, Maildir
from reply_milter.core.verdict.handler import Handler
from reply_milter.core.wrapping import pattern
from tests.support.fakes import NOW
from tests.support.wrapping import gitea

LEFT, NONE = frozenset({20}), frozenset[int]()


def checks(handler: Handler, left: frozenset[int] | None = LEFT) -> list[str]:
    """The checks that were found."""
    return [one.check.partition(".")[2] for one in examine([handler], left, NOW)]


@pytest.mark.parametrize(
    ("until", "left", "expected"),
    [
        (0, LEFT, []),
        (0, NONE, ["native_unbound"]),
        (0, frozenset({7}), ["native_unbound"]),
        (0, None, []),
        (None, NONE, ["native_passes"]),
        (NOW + 1, NONE, ["native_passes"]),
        (NOW, NONE, ["native_unbound"]),
    ],
)
def test_refusal_that_does_not_bind_is_told(
    until: int | None, left: frozenset[int] | None, expected: list[str]
) -> None:
    """And natives that pass, while they do. Nothing is claimed where nobody may look."""
    handler = gitea(native_passes_until=until)
    assert checks(handler, left) == expected
    assert (unbound_names([handler], left, NOW) == ["gitea"]) is ("native_unbound" in expected)


def test_addresses_that_are_verified_do_not_pass_by_themselves() -> None:
    """Whether a notification has left or not."""
    handler = gitea(verification=Verification(FORMS["gitea"], LinesFile("/nowhere")))
    assert checks(handler, NONE) == []


@pytest.mark.parametrize(
    ("address", "destination", "expected"),
    [
        ("incoming+{key}@git.example.com", LmtpRelay(path="/run/dovecot/lmtp"), ["lmtp_delimiter"]),
        ("incoming-{key}@git.example.com", LmtpRelay(path="/run/dovecot/lmtp"), ["lmtp_delimiter"]),
        ("{key}@git.example.com", LmtpRelay(path="/run/dovecot/lmtp"), []),
        ("incoming@git.example.com", LmtpRelay(path="/run/dovecot/lmtp"), []),
        ("incoming+{key}@git.example.com", LmtpRelay(path="/run/lmtp", recipient="git@example.com"), []),
        ("incoming+{key}@git.example.com", Maildir("/var/mail/git"), []),
    ],
)
def test_the_lmtp_server_must_split_addresses(address: str, destination: object, expected: list[str]) -> None:
    """At what stands before the key."""
    handler = replace(
        gitea(address=pattern.parse(address, "[A-Z2-7]{60,128}")),
        destination=destination,  # type: ignore[arg-type]
    )
    assert checks(handler) == expected
