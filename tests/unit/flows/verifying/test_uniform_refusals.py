"""Before a good checksum, every refusal takes the same path: the same computations, no question to the store, one text.

Who holds a genuine token hears the same words after the same work, one question to the store, whatever is against it.
"""

import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from reply_milter.core.rules.throttle import GuessTable
from reply_milter.core.token import keyring
from reply_milter.core.token.keyring import Keyring, KeyState, MasterKey
from reply_milter.core.token.mint import Order, mint
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.verdict.reasons import INVALID
from reply_milter.core.verdict.verdict import Accept, Defer, Reject
from tests.support.fakes import FORM, FORUM, ISSUE, KEYRING, NOW, MemoryStore, changed, minted, rules
from tests.support.hosts.dialogue import Desk

OLD = MasterKey("k0", KeyState.VERIFY, bytes(range(1, 33)))
RETIRED = MasterKey("k9", KeyState.RETIRED, bytes(range(2, 34)))
THREE = Keyring(KEYRING.realm, (RETIRED, OLD, *KEYRING.keys))
OFF, REMOVED = replace(FORUM, id=3, name="off"), replace(FORUM, id=4, name="removed")
DISABLED_USER, REVOKED_USER, REVOKED_OBJECT = 50, 51, 52
KNOWN_USER = 42  # whose genuine token was verified a moment ago


def _with_another_checksum(address: str, at: int = -1) -> str:
    local, _, domain = address.partition("@")
    letters = list(local)
    letters[at] = "a" if letters[at] != "a" else "b"
    return f"{''.join(letters)}@{domain}"


def _of_key(master: MasterKey, realm: str = KEYRING.realm) -> str:
    ring = Keyring(realm, (replace(master, state=KeyState.ACTIVE),))
    return mint(Order(KNOWN_USER, NOW - 86400, locator="a/1", unique="x"), ISSUE, ring, FORM).address


# Everything that a stranger can write: well-formed, with a checksum that none of our keys makes.
GUESSES = {
    "known user, last letter": _with_another_checksum(minted().address),
    "known user, first letter of the checksum": _with_another_checksum(minted().address, -26),
    "known user, another context": _with_another_checksum(minted().address, -30),
    "unknown user": _with_another_checksum(minted(user=777_777).address),
    "another user's id": minted().address.replace("000000002a", "000000002b"),
    "user 0": minted().address.replace("000000002a", "0000000000"),
    "disabled user": _with_another_checksum(minted(user=DISABLED_USER).address),
    "revoked user": _with_another_checksum(minted(user=REVOKED_USER).address),
    "unknown handler": _with_another_checksum(minted(REMOVED).address),
    "disabled handler": _with_another_checksum(minted(OFF).address),
    "in the future": _with_another_checksum(minted(now=NOW + 86400).address),
    "expired": _with_another_checksum(minted(now=NOW - 200 * 86400).address),
    "retired key": _of_key(RETIRED),
    "another installation": _of_key(MasterKey("x", KeyState.ACTIVE, bytes(32))),
    "another realm": _of_key(KEYRING.keys[0], "elsewhere"),
}
# A good checksum, and refused all the same.
GENUINE = {
    "unknown handler": minted(REMOVED).address,
    "disabled handler": minted(OFF).address,
    "in the future": minted(now=NOW + 86400).address,
    "disabled user": minted(user=DISABLED_USER).address,
    "revoked user": minted(user=REVOKED_USER).address,
    "revoked object": minted(FORUM, user=KNOWN_USER, context=REVOKED_OBJECT).address,
    "revoked before a time": minted(now=NOW - 80 * 86400).address,
}


def _desk(ring: Keyring) -> Desk:
    store = MemoryStore(all_revoked_before=NOW - 70 * 86400)
    store.disabled_users.add(DISABLED_USER)
    store.users_revoked_before[REVOKED_USER] = NOW
    store.objects_revoked_before[(FORUM.id, REVOKED_OBJECT)] = NOW
    handlers: list[Handler] = [ISSUE, FORUM, replace(OFF, enabled=False)]
    desk = Desk(rules(keyring=ring, handlers=Handlers.of(handlers), forged_per_minute=1000), store=store)
    desk.start(minted().address)
    desk.connection.abort()
    store.calls.clear()
    return desk


def _counted(monkeypatch: pytest.MonkeyPatch, done: list[str]) -> None:
    """Note each derivation, HMAC, comparison and counted guess, in order."""

    def noting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            done.append(name)
            return function(*arguments, **named)

        return call

    monkeypatch.setattr(keyring, "HKDFExpand", noting("derive", HKDFExpand))
    monkeypatch.setattr(hmac.HMAC, "digest", noting("hmac", hmac.HMAC.digest))
    monkeypatch.setattr(hmac, "compare_digest", noting("compare", hmac.compare_digest))
    monkeypatch.setattr(GuessTable, "count", noting("count", GuessTable.count))


@pytest.mark.parametrize("ring", [KEYRING, THREE], ids=["one key", "three keys"])
@pytest.mark.parametrize("guess", GUESSES.values(), ids=GUESSES)
def test_every_guess_costs_the_same_and_hears_the_same(
    ring: Keyring, guess: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each live key one derivation, one HMAC, one comparison in constant time; then the guess is counted."""
    desk, done = _desk(ring), list[str]()
    _counted(monkeypatch, done)
    (answer,) = desk.start(guess)
    assert isinstance(answer, Reject) and answer.reply == INVALID
    live = [key for key in ring.keys if key.state is not KeyState.RETIRED]
    assert done == ["derive", "hmac", "compare"] * len(live) + ["count"]
    assert desk.store.calls == []
    assert [told.reason for told in desk.telemetry.recipients[-1:]] == ["forged"]
    assert desk.telemetry.recipients[-1].token_id == ""


@pytest.mark.parametrize("address", GENUINE.values(), ids=GENUINE)
def test_a_genuine_token_that_does_not_stand_hears_the_same(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its holder learns no more than a guesser, not even by the time; the log has what is behind it."""
    desk, done = _desk(THREE), list[str]()
    _counted(monkeypatch, done)
    (answer,) = desk.start(address)
    assert isinstance(answer, Reject) and answer.reply == INVALID
    assert done == ["derive", "hmac", "compare"] * 2 + ["hmac"], "two live keys, and the token's id"
    assert desk.store.calls == ["facts"]
    assert desk.telemetry.recipients[-1].because


@pytest.mark.parametrize("address", GENUINE.values(), ids=GENUINE)
def test_a_store_that_is_away_tells_nothing_of_it_either(address: str) -> None:
    """A handler that is off is put off with all others, and let in where they are not."""
    desk = _desk(THREE)
    desk.store.down = True
    (answer,) = desk.start(address)
    assert isinstance(answer, Defer) and str(answer.reply).startswith("451 4.3.0")
    trusting = Desk(changed(desk.service.rules, accepts_without=True), store=MemoryStore(down=True))
    (answer,) = trusting.start(address)
    nobodys = address in (GENUINE["unknown handler"], GENUINE["disabled handler"], GENUINE["in the future"])
    assert isinstance(answer, Reject if nobodys else Accept)


@pytest.mark.parametrize("text", ["", "x", "0" * 58, "a" * 57, "a" * 200, "000000002" + "g" * 49, "é" * 58])
def test_what_is_no_token_hears_the_same_and_costs_nothing(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a token looks like is no secret, so its form may be told from the answer's time."""
    desk, done = _desk(KEYRING), list[str]()
    _counted(monkeypatch, done)
    (answer,) = desk.start(f"reply+{text}@{FORM.mint_domain}")
    assert isinstance(answer, Reject) and answer.reply == INVALID
    assert done == [] and desk.store.calls == []
