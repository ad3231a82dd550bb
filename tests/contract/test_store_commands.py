"""Commands that ask or change the store, against a real Redis: what they say, and that it is true."""

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reply_milter.cli import main
from tests.support.fakes import REALM
from tests.support.stores.redis_under_test import PROGRAM, RedisUnderTest

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]

NUMBERED = '\n[[handler]]\nid = 2\nname = "forum"\ncontext = "integer"\nvalidity_days = 30\n'


@dataclass
class Shell:
    """Runs commands in an installation that shares the server's data."""

    config: str
    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: object, wanted: int = os.EX_OK) -> tuple[str, str]:
        """What it wrote to standard output and to standard error."""
        self.capture.readouterr()
        assert main([*map(str, words), "--config", self.config]) == wanted
        told = self.capture.readouterr()
        assert told.err.count("\n") == (wanted != os.EX_OK)
        return told.out, told.err

    def json_of(self, *words: object) -> Any:
        """What it wrote as JSON."""
        return json.loads(self(*words, "--json")[0])


@pytest.fixture
def shell(config: str, capsys: pytest.CaptureFixture[str]) -> Shell:
    """With two handlers: ``issue`` has thread contexts, ``forum`` numbers."""
    path = Path(config)
    path.write_text(path.read_text() + NUMBERED)
    return Shell(config, capsys)


def minted(shell: Shell, *words: str, user: int = 77, days_ago: int = 1) -> Any:
    """An address and what is known of it."""
    about = words or ("--locator", "a/1")
    handler = "forum" if "--context" in about else "issue"
    then = int(time.time()) - 86400 * days_ago
    return shell.json_of("mint", "--handler", handler, "--user", user, "--at", then, *about)


def reason(shell: Shell, address: str) -> str:
    """What a client would be refused for."""
    return str(shell.json_of("explain", address)["reason"])


def test_an_earlier_time_is_reported_to_change_nothing(shell: Shell) -> None:
    """In words, and as what is in force in JSON."""
    now = int(time.time())
    address = minted(shell, days_ago=3)["address"]
    assert "(that was in force already" not in shell("revoke", "before", now - 86400)[0]
    assert reason(shell, address) == "revoked"
    words = shell("revoke", "before", now - 5 * 86400)[0]
    assert "(that was in force already, and stays)" in words
    assert shell.json_of("revoke", "before", 0) == {"before": now - 86400}
    assert reason(shell, address) == "revoked"


def test_the_reach_of_a_thread_context_is_reported(shell: Shell) -> None:
    """Two users got one message: what is revoked for one is good for the other, and the words say so."""
    message = ("--message-id", "<shop/orders/issue/9/1790000000.ab@reply.example.com>")
    mine, other = (minted(shell, *message, user=user) for user in (42, 43))
    assert mine["context"] != other["context"]
    words = shell("revoke", "object", "issue", mine["context"])[0]
    assert [reason(shell, found["address"]) for found in (mine, other)] == ["revoked", "ok"]
    assert words.startswith("revoked: the addresses of the one user, and the one message, that context ")
    assert "other users have other contexts for the same thing" in words
    assert "revoke it for each user" in words


def test_the_reach_of_a_number_is_all_users(shell: Shell) -> None:
    """As the words say."""
    mine, other = (minted(shell, "--context", "5", user=user) for user in (42, 43))
    words = shell("revoke", "object", "forum", "5")[0]
    assert [reason(shell, found["address"]) for found in (mine, other)] == ["revoked", "revoked"]
    assert words.startswith("revoked: all addresses of forum about 5 minted before ")
    assert "other contexts" not in words


WORDS: dict[str, tuple[object, ...]] = {
    "revoke user": ("revoke", "user", 5),
    "revoke object": ("revoke", "object", "forum", 5),
    "revoke before": ("revoke", "before", 1700000000),
    "user set": ("user", "set", 5, "--disabled"),
    "user remove": ("user", "remove", 5),
    "commit": ("commit", "a" * 26),
}


@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_a_change_without_an_answer_is_reported_to_be_in_doubt(
    shell: Shell, server: RedisUnderTest, words: tuple[object, ...]
) -> None:
    """A stopped server may carry it out later, so the command does not say that nothing was changed."""
    server.signal(signal.SIGSTOP)
    try:
        line = shell(*words, wanted=os.EX_TEMPFAIL)[1]
    finally:
        server.signal(signal.SIGCONT)
    assert "the change may or may not have been made; run the command again" in line
    assert "nothing was changed" not in line


def test_what_was_never_sent_changed_nothing(shell: Shell, server: RedisUnderTest) -> None:
    """No server listens."""
    server.stop()
    line = shell("revoke", "user", 5, wanted=os.EX_TEMPFAIL)[1]
    assert line.endswith("; nothing was changed\n")


EXPLAINED: dict[str, tuple[tuple[object, ...], str, str, str]] = {
    "disabled": (("user", "set", 77, "--disabled"), "forged", "user", "user 77 is disabled"),
    "user": (("revoke", "user", 77), "revoked", "revoked", "all addresses of user 77 minted before "),
    "before": (("revoke", "before", int(time.time())), "revoked", "revoked", "all addresses minted before "),
}


@pytest.mark.parametrize("deed,why,step,words", EXPLAINED.values(), ids=EXPLAINED)
def test_explain_tells_what_the_store_knows(
    shell: Shell, deed: tuple[object, ...], why: str, step: str, words: str
) -> None:
    """An operator can distinguish a disabled user from a forgery; the fields that programs read stay."""
    address = minted(shell)["address"]
    before = shell.json_of("explain", address)
    assert (before["valid"], before["store"]) == (True, "answered")
    shell(*deed)
    told = shell.json_of("explain", address)
    assert told.keys() == before.keys()
    assert (told["valid"], told["reason"], told["store"]) == (False, why, "answered")
    (failed,) = [check for check in told["checks"] if not check["passed"]]
    assert failed["check"] == step
    assert words in failed["words"]
    assert f"not valid: {why}" in shell("explain", address)[0]


def test_explain_of_one_revoked_address(shell: Shell) -> None:
    """And of the object that it is about."""
    one = minted(shell, "--context", "8")
    shell("revoke", "token", one["address"])
    shell("revoke", "object", "forum", "8")
    assert (
        "revoked: this one address; all addresses of 'forum' with context 8 minted before "
        in shell("explain", one["address"])[0]
    )


def test_a_token_id_names_the_address_to_be_revoked(shell: Shell) -> None:
    """As a user quotes it from a question, without the address."""
    one, other = minted(shell, "--context", "9"), minted(shell, "--context", "10")
    token_id = shell.json_of("explain", one["address"])["token_id"]
    assert shell.json_of("revoke", "token", token_id) == {"token_id": token_id}
    assert (reason(shell, one["address"]), reason(shell, other["address"])) == ("revoked", "ok")
    shell("revoke", "token", token_id.upper(), wanted=os.EX_DATAERR)


@pytest.mark.parametrize("away", [lambda server: server.signal(signal.SIGSTOP), lambda server: server.stop()])
def test_explain_without_the_store_says_so(
    shell: Shell, server: RedisUnderTest, away: Callable[[RedisUnderTest], None]
) -> None:
    """Explains within seconds what the address itself contains; queries nothing about a forgery."""
    address = minted(shell)["address"]
    away(server)
    start = time.monotonic()
    told, words = shell.json_of("explain", address), shell("explain", address)[0]
    assert time.monotonic() - start < 4
    assert (told["valid"], told["reason"], told["store"]) == (True, "ok", "no answer")
    assert "The store did not answer, so it is unknown whether the address is revoked or its user disabled" in words
    assert shell.json_of("explain", address.replace("reply+0", "reply+1"))["store"] == "not asked"


# Keys


def keys(shell: Shell) -> list[tuple[str, str, object]]:
    """Id, state and last use of each key."""
    return [(row["id"], row["state"], row["last_used"]) for row in shell.json_of("keys", "list")]


def test_the_id_of_a_deleted_key_is_not_given_away(shell: Shell, server: RedisUnderTest) -> None:
    """Neither by the file, nor by what the store remembers: a new key must not show another's last use."""
    server.command("HSET", f"rm1:{REALM}:keys", "k1", 1700000000, "k4", 1700000000)
    shell("keys", "add")
    assert keys(shell) == [("k1", "active", 1700000000), ("k5", "verify", None)]
    server.stop()
    shell("keys", "add")
    assert [row["id"] for row in _without_store(shell)] == ["k1", "k5", "k6"], "without the store, by the file"


def _without_store(shell: Shell) -> Any:
    shell.capture.readouterr()
    assert main(["keys", "list", "--json", "--config", shell.config]) == os.EX_OK
    return json.loads(shell.capture.readouterr().out)


def test_keys_written_by_hand_show_the_latest_possible_end(shell: Shell) -> None:
    """Retiring one warns, because it is unknown what it minted."""
    file = Path(shell.config).parent / "keys.toml"
    file.write_text(
        f'[[key]]\nid = "old"\nstate = "verify"\nsecret = "{"11" * 32}"\n'
        f'[[key]]\nid = "new"\nstate = "active"\nsecret = "{"22" * 32}"\n'
    )
    old, new = shell.json_of("keys", "list")
    ends = time.time() + 90 * 86400
    assert abs(old["last_expires"] - ends) < 60 > abs(new["last_expires"] - ends)
    assert (old["last_expires_known"], new["last_expires_known"]) == (False, True)
    assert "unknown, at the latest 20" in shell("keys", "list")[0]
    words = shell("keys", "retire", "old")[0]
    assert "When it last minted is not known. At the latest until 20" in words
    assert "there may be addresses that it minted: they are forged now" in words


def test_a_key_that_never_minted_goes_without_a_warning(shell: Shell) -> None:
    """A key is added and removed again."""
    shell("keys", "add")
    assert shell.json_of("keys", "list")[1]["last_expires"] is None
    assert "forged" not in shell("keys", "retire", "k2")[0]
