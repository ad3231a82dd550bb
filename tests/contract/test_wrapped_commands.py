"""Commands about recipients of wrapped notifications, against a real Redis: never about the user with such a number."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.cli import main
from reply_milter.core.token.verify import Facts
from reply_milter.core.wrapping import outward_minting
from reply_milter.core.wrapping.plain import Plain
from reply_milter.core.wrapping.pseudo_users import pseudo_users_of
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load
from tests.support.stores.redis_under_test import PROGRAM, RedisUnderTest
from tests.support.wrapped_settings import WRAPPED

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]

JANE, NATIVE = "jane@example.org", f"incoming+{'A' * 77}@git.example.com"


@dataclass
class Shell:
    """Runs commands in an installation with a wrapped handler."""

    config: str
    capture: pytest.CaptureFixture[str]

    def __call__(self, *words: object, wanted: int = os.EX_OK) -> str:
        """What it wrote: to standard output, or to standard error if it is to fail."""
        self.capture.readouterr()
        status = main([*map(str, words), "--config", self.config])
        told = self.capture.readouterr()
        if words[0] == "explain":  # which says by its status whether the address is valid
            valid = json.loads(told.out)["valid"] if "--json" in words else not told.out.startswith("not valid")
            status -= not valid
        assert status == wanted
        return told.err if wanted else told.out

    def json_of(self, *words: object) -> Any:
        """What it wrote as JSON."""
        return json.loads(self(*words, "--json"))

    @property
    def settings(self) -> Settings:
        """What the commands read."""
        return load(self.config)


@pytest.fixture
def shell(config: str, capsys: pytest.CaptureFixture[str]) -> Shell:
    """Two master keys verify: a rotation is under way."""
    path = Path(config)
    path.write_text(path.read_text() + WRAPPED)
    made = Shell(config, capsys)
    made("keys", "add")
    return made


def minted(shell: Shell, recipient: str = JANE, days_ago: int = 1) -> str:
    """A wrapped address as the sign milter mints it."""
    settings = shell.settings
    handler = settings.config.handlers.by_id[20]
    then = int(time.time()) - 86400 * days_ago
    plain = Plain(NATIVE, recipient)
    return outward_minting.mint(plain, handler, True, then, settings.keyring, settings.config.form).address


def facts(shell: Shell, user: int, wrapped: bool) -> Facts:
    """What the daemon sees of a user of either kind."""
    config = shell.settings.config
    return RedisStore(config.store.url, 2.0, config.realm).facts(user, 20, 7, "tokentokentok", wrapped)


def numbers(shell: Shell, address: str = JANE) -> tuple[int, ...]:
    """The pseudo-users of a recipient."""
    return pseudo_users_of(address, shell.settings.keyring)


def test_revoke_address_reaches_a_recipient_under_every_key(shell: Shell) -> None:
    """And nobody else: neither another recipient, nor users with these numbers."""
    mine, other, words = minted(shell), minted(shell, "ann@example.org"), shell("revoke", "address", "Jane@EXAMPLE.org")
    assert len(set(numbers(shell))) == 2
    assert all(facts(shell, number, True).user_revoked_before for number in numbers(shell))
    assert all(facts(shell, number, False) == Facts() for number in numbers(shell))
    assert [shell.json_of("explain", one)["reason"] for one in (mine, other)] == ["revoked", "ok"]
    assert words.startswith("revoked: all addresses that stand for an application's own, sent to jane@example.org, ")
    shell("keys", "promote", "k2")
    assert shell.json_of("explain", minted(shell))["reason"] == "revoked"
    told = shell.json_of("revoke", "address", JANE)
    assert (told["address"], set(told["pseudo_users"])) == (JANE, set(numbers(shell)))


def test_what_is_revoked_of_a_real_user_leaves_a_recipient_alone(shell: Shell) -> None:
    """One whose pseudo-user has the same number; with --wrapped it is the other way round."""
    address = minted(shell)
    number = shell.json_of("explain", address)["pseudo_user"]
    shell("revoke", "user", number)
    shell("user", "set", number, "--disabled", "--address", "eve@example.net")
    assert shell.json_of("explain", address)["reason"] == "ok"
    assert shell.json_of("revoke", "user", number, "--wrapped")["user"] is None
    assert shell.json_of("explain", address)["reason"] == "revoked"
    assert shell.json_of("user", "show", number)["addresses"] == ["eve@example.net"]


def test_revocations_of_both_kinds_are_restored_as_what_they_are(shell: Shell, server: RedisUnderTest) -> None:
    """From the journal, which says whom a pseudo-user stands for."""
    shell("revoke", "address", JANE)
    shell("revoke", "user", 42)
    journal = (Path(shell.settings.config.state_dir) / "revocations.journal").read_text()
    lines = [json.loads(line) for line in journal.splitlines()]
    assert [(line["what"], line.get("of")) for line in lines] == [("wrapped", JANE)] * 2 + [("user", None)]
    server.command("FLUSHALL")
    assert shell.json_of("revoke", "restore") == {"put_back": 3, "unreadable": 0}
    assert all(facts(shell, number, True).user_revoked_before for number in numbers(shell))
    assert all(facts(shell, number, False) == Facts() for number in numbers(shell))
    assert facts(shell, 42, False).user_revoked_before and facts(shell, 42, True) == Facts()


def test_a_second_address_of_a_recipient(shell: Shell) -> None:
    """The first one stays on file beside it: once any is, only these count."""
    told = shell.json_of("user", "set", "--of", "Jane@Example.ORG", "--address", "jane@home.example")
    assert (told["user"], told["of"], tuple(told["pseudo_users"])) == (None, JANE, numbers(shell))
    on_file = [JANE, "jane@home.example"]
    assert [record["addresses"] for record in told["records"]] == [on_file, on_file]
    assert [facts(shell, number, True).addresses for number in numbers(shell)] == [tuple(on_file)] * 2
    words = shell("user", "show", "--of", JANE)
    assert words.count("user (wrapped, for jane@example.org), as pseudo-user ") == 2
    number = numbers(shell)[0]
    assert shell("user", "show", number, "--wrapped").startswith("user (wrapped, for jane@example.org): enabled")
    assert shell("user", "show", number).startswith(f"user {number}: enabled\n  addresses on file: none")
    assert shell.json_of("user", "remove", "--of", JANE)["removed"] is True
    assert shell("user", "show", number, "--wrapped").startswith(f"user (wrapped, {number}): enabled\n  addresses on")


def test_a_disabled_recipient(shell: Shell) -> None:
    """As in the daemon; the words name no user."""
    address = minted(shell)
    shell("user", "set", "--of", JANE, "--disabled")
    told = shell.json_of("explain", address)
    assert (told["reason"], told["user"]) == ("forged", None)
    (failed,) = [check for check in told["checks"] if not check["passed"]]
    assert failed["words"] == f"user (wrapped, {told['pseudo_user']}) is disabled"
    shell("user", "set", "--of", JANE, "--address", "jane@home.example")
    assert "user (wrapped, for jane@example.org) is not disabled" in shell("explain", address)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["user", "show"], "name one: ID, or --of"),
        (["user", "show", "42", "--of", JANE], "name one: ID, or --of"),
        (["user", "show", "--of", JANE, "--wrapped"], "--wrapped is about an ID"),
        (["user", "set", "--of", "jane"], "can't be on file"),
        (["user", "set", "--of", JANE, "--address", "home"], "can't be on file"),
        (["revoke", "address", "jane"], "is no mail address"),
        (["revoke", "user", str(1 << 40), "--wrapped"], "a user id is between"),
    ],
)
def test_a_wrong_word_changes_nothing(shell: Shell, server: RedisUnderTest, words: list[str], said: str) -> None:
    """EX_USAGE, with what to do."""
    assert said in shell(*words, wanted=os.EX_USAGE)
    assert server.command("KEYS", "*:[uw]:*") == []


def test_without_a_wrapped_handler_nobody_is_a_recipient(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An operator must not believe that a user's addresses are revoked."""
    shell = Shell(config, capsys)
    for words in (("revoke", "address", JANE), ("user", "show", "--of", JANE)):
        assert "name the user by its ID" in shell(*words, wanted=os.EX_USAGE)


def test_a_store_that_is_away_changes_nothing(shell: Shell, server: RedisUnderTest) -> None:
    """As with all commands."""
    server.stop()
    said = shell("revoke", "address", JANE, wanted=os.EX_TEMPFAIL)
    assert said.endswith("; nothing was changed\n")


def test_a_new_key_asks_for_what_it_does_not_know(shell: Shell) -> None:
    """Each recipient has another pseudo-user under it, of which nothing is on file until the command is repeated."""
    words = ("user", "set", "--of", JANE, "--disabled")
    shell(*words)
    assert "whatever `user set --of` put on file" in shell("keys", "add")
    assert shell("user", "show", "--of", JANE).count(": enabled") == 1
    shell(*words)
    assert shell("user", "show", "--of", JANE).count(": disabled") == 3


def test_a_recipients_revocation_is_listed_once_and_undone_under_every_key(shell: Shell) -> None:
    """In words that undo it; a number alone is a real user's, and stays revoked."""
    address, number = minted(shell), numbers(shell)[0]
    shell("revoke", "address", "Jane@EXAMPLE.org")
    shell("revoke", "user", number)
    lines = shell("revoke", "list").splitlines()[1:]
    assert [line.split(" UTC ")[-1].strip() for line in lines] == [f"address {JANE}", f"user {number}"]
    members = [(row["user"], row.get("pseudo_user"), row.get("address")) for row in shell.json_of("revoke", "list")]
    assert members == [*((None, one, JANE) for one in numbers(shell)), (number, None, None)]
    assert shell("revoke", "undo", "address", JANE) == f"undone: revoke address {JANE}\n"
    assert shell.json_of("explain", address)["reason"] == "ok"
    assert facts(shell, number, False).user_revoked_before
    shell("revoke", "user", "--wrapped", number)
    assert f"user --wrapped {number}" in shell("revoke", "list")
    shell("revoke", "undo", "user", number, "--wrapped")
    assert shell.json_of("explain", address)["reason"] == "ok"
    for words in (("address", "jane"), ("user", str(1 << 40))):
        shell("revoke", "undo", *words, wanted=os.EX_USAGE)
