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
        status = main([*map(str, words), "--config", self.config])
        told = self.capture.readouterr()
        if words[0] == "explain":  # which says by its status whether the address is valid
            valid = json.loads(told.out)["valid"] if "--json" in words else not told.out.startswith("not valid")
            wanted, status = os.EX_OK, status - (not valid)
        assert status == wanted
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
    with server.stopped():
        line = shell(*words, wanted=os.EX_TEMPFAIL)[1]
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
    line = shell("keys", "retire", "old", wanted=os.EX_DATAERR)[1]
    assert "old is not retired. When it last minted is not known. At the latest until 20" in line
    assert "with --force, or with --stolen if somebody else has the key" in line
    assert shell.json_of("keys", "list")[0]["state"] == "verify"
    words = shell("keys", "retire", "old", "--force")[0]
    assert "When it last minted is not known. At the latest until 20" in words
    assert "there may be addresses that it minted: they are forged now" in words


def test_a_key_that_never_minted_goes_without_a_warning(shell: Shell) -> None:
    """A key is added and removed again."""
    shell("keys", "add")
    assert shell.json_of("keys", "list")[1]["last_expires"] is None
    assert "forged" not in shell("keys", "retire", "k2")[0]


@pytest.mark.parametrize("why", ["--force", "--stolen"])
def test_a_key_with_live_addresses_is_retired_only_if_that_is_meant(shell: Shell, why: str) -> None:
    """What it minted is refused from then on; a mistake would cost every address that is out."""
    address = minted(shell)["address"]
    shell("keys", "add")
    shell("keys", "promote", "k2")
    line = shell("keys", "retire", "k1", wanted=os.EX_DATAERR)[1]
    assert line.startswith("reply-milter: k1 is not retired. Until 20")
    assert (reason(shell, address), keys(shell)[0][1]) == ("ok", "verify")
    words = shell("keys", "retire", "k1", why)[0]
    assert "there may be addresses that it minted: they are forged now" in words
    assert ("Whoever has it" in words) is (why == "--stolen")
    assert (reason(shell, address), keys(shell)[0][1]) == ("forged", "retired")
    shell("keys", "retire", "k1")


# What was revoked, and back


def listed(shell: Shell) -> Any:
    """The list as JSON, which may be empty."""
    return shell.json_of("revoke", "list")


UNDONE: dict[str, tuple[tuple[object, ...], tuple[object, ...]]] = {
    "user": (("revoke", "user", 77), ("user", 77)),
    "object": (("revoke", "object", "forum", 8), ("object", "forum", 8)),
    "before": (("revoke", "before", int(time.time())), ("before",)),
}


@pytest.mark.parametrize("deed,words", UNDONE.values(), ids=UNDONE)
def test_a_revocation_is_listed_and_undone(
    shell: Shell, server: RedisUnderTest, deed: tuple[object, ...], words: tuple[object, ...]
) -> None:
    """In the store at once, and in the journal: it does not come back when the store has lost its data."""
    address = minted(shell, "--context", "8")["address"]
    shell(*deed)
    assert reason(shell, address) == "revoked"
    (row,) = shell.json_of("revoke", "list")
    assert (row["what"], row["in_force"]) == (words[0], True)
    assert abs(row["revoked_at"] - time.time()) < 60
    assert shell("revoke", "list")[0].splitlines()[1].endswith(" " + " ".join(map(str, words)))
    told = shell("revoke", "undo", *words)[0]
    assert told == f"undone: revoke {' '.join(map(str, words))}\n"
    assert reason(shell, address) == "ok"
    assert listed(shell) == []
    server.command("FLUSHALL")
    assert shell.json_of("revoke", "restore")["put_back"] == 0
    assert shell.json_of("revoke", "undo", *words) == {"undone": False, "in_force": None}
    assert shell("revoke", "undo", *words)[0].startswith("nothing to undo: there is no revocation of ")


def test_one_address_is_undone_by_itself_or_its_token_id(shell: Shell) -> None:
    """Revoked twice, it is undone at once; a reply's claim under the same key stays."""
    address = minted(shell)["address"]
    token_id = shell.json_of("explain", address)["token_id"]
    for undone in (address, token_id):
        shell("revoke", "token", address)
        shell("revoke", "token", token_id)
        assert rows_of_one(shell) == f"token {token_id}"
        assert shell.json_of("revoke", "undo", "token", undone)["undone"] is True
        assert (reason(shell, address), listed(shell)) == ("ok", [])
    shell("revoke", "undo", "token", "reply+junk@reply.example.com", wanted=os.EX_DATAERR)


def rows_of_one(shell: Shell) -> str:
    """The words of the only revocation."""
    (line,) = shell("revoke", "list")[0].splitlines()[1:]
    return line.split(" UTC ")[-1].split("-", 1)[-1].strip()


def test_lines_of_the_journal_that_no_store_can_hold_stop_nothing(shell: Shell, config: str) -> None:
    """What stands behind them is listed and restored, and how many were skipped is said."""
    shell("revoke", "user", 77)
    (journal,) = Path(config).parents[1].rglob("revocations.journal")
    (good,) = journal.read_text().splitlines()
    late, endless = (
        good.replace('"before": ', '"before": 9999999'),
        good.replace('"kept_until": ', '"kept_until": 99999999'),
    )
    journal.write_text("\n".join([late, endless, "half of", good.replace("77", "78")]) + "\n")
    for words in (("list",), ("restore",)):
        assert main(["revoke", *words, "--config", config]) == os.EX_OK
        told = shell.capture.readouterr()
        assert told.err == f"reply-milter: {journal}: skipped 3 lines that cannot be read\n"
    assert told.out.startswith("restored 1 revocation from ")
    assert reason(shell, minted(shell, user=78)["address"]) == "revoked"


def test_an_earlier_revocation_stays_until_it_is_undone_as_well(shell: Shell) -> None:
    """The break-in of last month is no mistake because that of today was one."""
    now = int(time.time())
    old, new = (minted(shell, days_ago=days)["address"] for days in (10, 2))
    shell("revoke", "before", now - 5 * 86400)
    shell("revoke", "before", now - 86400)
    assert [reason(shell, one) for one in (old, new)] == ["revoked", "revoked"]
    words = shell("revoke", "undo", "before")[0]
    assert words.startswith("undone: revoke before. An earlier one stays in force: minted before 20")
    assert [reason(shell, one) for one in (old, new)] == ["revoked", "ok"]
    assert shell.json_of("revoke", "undo", "before") == {"undone": True, "in_force": None}
    assert [reason(shell, one) for one in (old, new)] == ["ok", "ok"]


def test_what_reached_less_than_what_was_in_force_is_undone_without_effect(shell: Shell) -> None:
    """The latest command is taken back, and the furthest stays in force."""
    now = int(time.time())
    address = minted(shell, days_ago=2)["address"]
    shell("revoke", "before", now - 86400)
    shell("revoke", "before", now - 5 * 86400)
    assert shell.json_of("revoke", "undo", "before") == {"undone": True, "in_force": now - 86400}
    assert reason(shell, address) == "revoked"


def test_a_revocation_of_another_host_is_undone_and_that_is_said(shell: Shell) -> None:
    """Its journal would restore it. What this host itself revoked before stays."""
    journal = Path(shell.config).parent.parent / "state" / "revocations.journal"
    now = int(time.time())
    shell("revoke", "before", now - 5 * 86400)
    mine = journal.read_text()
    shell("revoke", "before", now - 86400)
    journal.write_text(mine)
    assert shell.json_of("revoke", "list")[0]["before"] == now - 86400, "what is in force"
    words = shell("revoke", "undo", "before")[0]
    assert "An earlier one stays in force" in words
    assert words.endswith("run this on the host that revoked it, too, or it comes back\n")
    assert journal.read_text() == mine
    assert shell.json_of("revoke", "list")[0]["before"] == now - 5 * 86400


def test_what_the_store_has_lost_is_listed_as_lost(shell: Shell, server: RedisUnderTest) -> None:
    """It can be restored, or undone for good."""
    shell("revoke", "user", 5)
    server.command("FLUSHALL")
    assert [row["in_force"] for row in shell.json_of("revoke", "list")] == [False]
    assert "user 5   (not in the store: run revoke restore, or revoke undo)" in shell("revoke", "list")[0]
    assert shell.json_of("revoke", "undo", "user", 5)["undone"] is True
    assert shell.json_of("revoke", "restore")["put_back"] == 0


def test_nothing_revoked_is_said_on_standard_error(shell: Shell) -> None:
    """Standard output has a line per revocation."""
    shell.capture.readouterr()
    assert main(["revoke", "list", "--config", shell.config]) == os.EX_OK
    told = shell.capture.readouterr()
    assert (told.out, told.err) == ("", "nothing is revoked, as far as this host's journal knows\n")


def test_a_user_on_file_stays_on_file(shell: Shell) -> None:
    """Only the revocation goes; the record has no end, as before."""
    shell("user", "set", 77, "--address", "jane@example.org")
    shell("revoke", "user", 77)
    shell("revoke", "undo", "user", 77)
    told = shell.json_of("user", "show", 77)
    assert (told["addresses"], told["revoked_before"]) == (["jane@example.org"], None)


def test_a_handler_that_is_gone_is_named_by_its_number(shell: Shell) -> None:
    """What was revoked of it may have to be undone, too, before it comes back."""
    shell("revoke", "object", "forum", 8)
    path = Path(shell.config)
    path.write_text(path.read_text().replace(NUMBERED, ""))
    (row,) = shell.json_of("revoke", "list")
    assert (row["handler"], row["context"]) == ("2", "8")
    assert shell.json_of("revoke", "undo", "object", "2", 8)["undone"] is True
    shell("revoke", "undo", "object", "nosuch", 8, wanted=os.EX_USAGE)


def test_an_address_that_leaked_gets_new_tries(shell: Shell, server: RedisUnderTest) -> None:
    """Without redis-cli."""
    address = minted(shell)["address"]
    token_id = shell.json_of("explain", address)["token_id"]
    server.command("HSET", f"rm1:{token_id}", "w", "abc" * 20, "x", "1")
    assert shell.json_of("revoke", "undo", "leaked", address) == {"token_id": token_id, "undone": True}
    assert server.command("HGETALL", f"rm1:{token_id}") == {"x": "1"}
    assert shell("revoke", "undo", "leaked", token_id)[0].startswith("nothing to undo: no wrong author is known of")
