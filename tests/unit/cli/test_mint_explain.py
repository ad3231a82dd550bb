"""``mint`` and ``explain``: what is minted is explained."""

import json
import os
from collections.abc import Sequence

import pytest

from tests.support.shell import AT, Shell


def test_minted_address_is_explained(shell: Shell) -> None:
    """The fields that scripts rely on."""
    made = shell.mint("--user", "42", "--locator", "a/b", "--to", "jane@example.org")
    assert set(made) == {"address", "message_id", "issued", "expires", "handler", "user", "context"}
    assert (made["user"], made["handler"], made["issued"]) == (42, "issue", int(AT))
    assert made["message_id"].startswith(f"<a/b/{AT}.")
    told = json.loads(shell.good("explain", made["address"], "--at", AT, "--json", "--config", shell.config))
    shared = {name: told[name] for name in ("issued", "expires", "handler", "user", "context")}
    assert shared == {name: made[name] for name in shared}
    assert (told["valid"], told["reason"], told["version"], told["bound"], told["key"]) == (True, "ok", 1, True, "k1")
    assert isinstance(told["context"], str)


def test_integer_handler_takes_a_context(shell: Shell) -> None:
    """There is no Message-ID then."""
    shell.edit('context = "thread"', 'context = "integer"')
    made = shell.mint("--user", "1", "--context", str(2**55 - 1))
    assert (made["context"], made["message_id"]) == (str(2**55 - 1), None)


def test_range_of_users_is_a_line_each(shell: Shell) -> None:
    """JSON Lines."""
    words = ("--handler", "issue", "--user", "7..9", "--message-id", "<a@b>", "--json", "--config", shell.config)
    lines = [json.loads(line) for line in shell.good("mint", *words).splitlines()]
    assert [line["user"] for line in lines] == [7, 8, 9]
    assert len({line["address"] for line in lines}) == 3


@pytest.mark.parametrize(
    "words,said",
    [
        (["--handler", "forum", "--user", "1", "--context", "1"], "configured are: issue"),
        (["--handler", "issue", "--user", "x", "--locator", "a"], "--user must be"),
        (["--handler", "issue", "--user", "9..7", "--locator", "a"], "before the first"),
        (["--handler", "issue", "--user", str(2**40), "--locator", "a"], "user id"),
        (["--handler", "issue", "--user", "1"], "Message-ID"),
        (["--handler", "issue", "--user", "1", "--context", "1"], "thread"),
        (["--handler", "issue", "--user", "1", "--locator", "a b"], "locator"),
        (["--handler", "issue", "--user", "1", "--locator", "a", "--to", "jane"], "recipient"),
        (["--handler", "issue", "--user", "1", "--locator", "a", "--at", "0"], "2025-01-01"),
    ],
)
def test_what_can_not_be_minted_is_refused(shell: Shell, words: Sequence[str], said: str) -> None:
    """EX_USAGE, and what to ask for instead."""
    status, line = shell.refused("mint", *words, "--config", shell.config)
    assert status == os.EX_USAGE
    assert said in line


@pytest.mark.parametrize(
    "address,reason",
    [("bob@example.org", "ordinary"), ("reply+x@reply.test", "malformed"), ("", "ordinary"), ("\udcff", "ordinary")],
)
def test_bad_address_is_explained(shell: Shell, address: str, reason: str) -> None:
    """With exit status 1, for scripts."""
    told = json.loads(shell.explained(address, "--json"))
    assert (told["valid"], told["reason"]) == (False, reason)
    assert reason in shell.explained(address)


@pytest.mark.parametrize(
    "at,reason", [(str(int(AT) + 90 * 86400), "expired"), (str(int(AT) - 301), "forged"), ("0", "forged")]
)
def test_address_is_explained_at_another_time(shell: Shell, at: str, reason: str) -> None:
    """``--at``."""
    made = shell.mint("--user", "1", "--locator", "a")
    told = json.loads(shell.explained(made["address"], "--at", at, "--json"))
    assert (told["valid"], told["reason"]) == (False, reason)


def test_an_address_of_a_retired_key_is_explained(shell: Shell) -> None:
    """It is refused as forged; whoever asks is told by which key it was made. Of a deleted key nobody knows."""
    address = shell.mint("--user", "1", "--locator", "a")["address"]
    shell.good("keys", "add", "--config", shell.config)
    shell.good("keys", "promote", "k2", "--config", shell.config)
    shell.run("keys", "retire", "k1", "--stolen", "--config", shell.config)
    told = json.loads(shell.explained(address, "--at", AT, "--json"))
    assert (told["valid"], told["reason"], told["key"], told["retired_key"]) == (False, "forged", None, "k1")
    words = shell.explained(address, "--at", AT)
    assert "made with the master key 'k1', which is retired: its addresses are refused as forged" in words
    assert "unverified" not in words
    keys = shell.folder / "keys.toml"
    keys.write_text("[[key]]" + keys.read_text().split("[[key]]")[2])
    told = json.loads(shell.explained(address, "--at", AT, "--json"))
    assert (told["reason"], told["retired_key"]) == ("forged", None)
    assert "its key was deleted from the key file" in shell.explained(address, "--at", AT)
