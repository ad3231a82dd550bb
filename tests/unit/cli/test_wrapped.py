"""``explain`` and ``check`` of an application's own addresses, and of addresses of ours that stand for them."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from reply_milter.core.wrapping import outward_minting
from reply_milter.core.wrapping.explanation import copy_words
from reply_milter.core.wrapping.outward_minting import Minted
from reply_milter.core.wrapping.plain import Plain, StoredOriginal
from reply_milter.wiring.stores import load
from tests.support.shell import Shell
from tests.support.wrapped_settings import WRAPPED

NATIVE = f"incoming+{'A' * 77}@git.example.com"
MAILBOX, OPEN, BOUNCE = "incoming@git.example.com", "incoming+x-issue@git.example.com", "verp-1@git.example.com"
JANE = "jane@example.org"


@pytest.fixture
def wrapping(shell: Shell) -> Shell:
    """A fresh installation that wraps Gitea; nothing was wrapped yet."""
    path = Path(shell.config)
    path.write_text(path.read_text() + WRAPPED)
    return shell


def leave(shell: Shell, *numbers: int) -> None:
    """Note that wrapped notifications of these handlers have left."""
    folder = Path(load(shell.config).config.state_dir) / "wrapped"
    folder.mkdir(parents=True)
    for number in numbers:
        (folder / str(number)).touch()


def explained(shell: Shell, address: str) -> Any:
    """What ``explain`` says as JSON."""
    return json.loads(shell.explained(address, "--json"))


def minted(shell: Shell, recipient: str = JANE) -> Minted:
    """A wrapped address, as the sign milter mints it now."""
    settings = load(shell.config)
    plain, handler = Plain(NATIVE, recipient), settings.config.handlers.by_id[20]
    return outward_minting.mint(plain, handler, True, int(time.time()) - 60, settings.keyring, settings.config.form)


def test_a_wrapped_address_is_told_as_such(wrapping: Shell) -> None:
    """For which handler, what its user number is, and what an answer needs; in JSON no pseudo-user is a user."""
    told, words = (
        explained(wrapping, minted(wrapping).address),
        wrapping.explained(minted(wrapping).address),
    )
    assert (told["valid"], told["class"], told["handler"], told["user"]) == (True, "wrapped", "gitea", None)
    assert f"user (wrapped, {told['pseudo_user']}), context" in words
    assert "stands for an address of gitea (incoming+{key}@git.example.com)" in words
    assert "Its user number is a pseudo-user's" in words and "capsule (<w1....>) in References" in words


def test_an_address_with_a_real_user_stays_as_it_was(wrapping: Shell) -> None:
    """Beside a wrapped handler."""
    made = wrapping.mint("--user", "42", "--locator", "a/b")
    told = explained(wrapping, made["address"])
    assert (told["user"], told["pseudo_user"], told["class"]) == (42, None, None)


@pytest.mark.parametrize(
    ("address", "road", "passes", "words"),
    [
        (NATIVE, "native", False, "refused: its time to pass is over. The answer"),
        (NATIVE.upper(), "native", False, "refused"),
        (MAILBOX, "native", False, "reaches the application's mailbox, and is no address that the application gives"),
        (OPEN, "open", True, "passes, whoever writes"),
        (BOUNCE, "bounce", True, "passes with the null sender only, and is refused as native with any other"),
        (f'"{OPEN.split("@")[0]}"@git.example.com', "open", False, "not spelled as the application gives it out"),
        ("incoming2@git.example.com", None, False, "not a reply address"),
    ],
)
def test_an_address_of_the_application(
    wrapping: Shell, address: str, road: str | None, passes: bool, words: str
) -> None:
    """Which handler claims it, and why it passes or not."""
    leave(wrapping, 20)
    told = explained(wrapping, address)
    assert (told["class"], told["handler"], told["valid"]) == (road, "gitea" if road else None, passes)
    assert words in wrapping.explained(address)


def test_refuse_does_not_bind_before_a_notification_has_left(wrapping: Shell) -> None:
    """Of this handler; and a date is shown."""
    assert explained(wrapping, NATIVE)["valid"] is True
    assert "until the first wrapped notification of this handler has left" in wrapping.explained(NATIVE)
    assert explained(wrapping, MAILBOX)["valid"] is False
    leave(wrapping, 7)
    assert explained(wrapping, NATIVE)["valid"] is True
    wrapping.edit("\nopen = [", "\nnative = 2999-01-31\nopen = [")
    assert "passes until 2999-01-31" in wrapping.explained(NATIVE)


def test_a_folder_that_can_not_be_read_is_told_of(wrapping: Shell) -> None:
    """The milter knows more than this user."""
    folder = Path(load(wrapping.config).config.state_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "wrapped").touch()
    assert "(state_dir can't be read)" in wrapping.explained(NATIVE)
    assert "state_dir can't be read" in check(wrapping, NATIVE)[1]


def check(shell: Shell, recipient: str, *fields: str, sender: str = JANE) -> tuple[Any, str]:
    """What ``check`` says of a message: as JSON, and in words."""
    path = shell.folder / "m.eml"
    header = [f"From: {JANE}", "Date: Thu, 01 Jan 2026 00:00:00 +0000", "Message-ID: <r@example.org>", *fields]
    path.write_text("\r\n".join([*header, "", "Yes.", ""]))
    words = ("check", "--rcpt", recipient, "--from", sender, "--config", shell.config, str(path))
    return json.loads(shell.run(*words, "--json")[1]), shell.run(*words)[1]


def test_check_reads_the_capsule(wrapping: Shell) -> None:
    """It tells that it is there and for whom, and shows no key of the application."""
    one = minted(wrapping)
    told, words = check(wrapping, one.address, "In-Reply-To: <n@git.example.com>", f"References: <{one.capsule}>")
    assert (told["verdict"], told["class"], told["original"], told["notified"]) == ("accept", "wrapped", "match", JANE)
    assert "its capsule is there" in words and "A" * 60 not in words
    assert "class=wrapped" in words.replace("\r\n\t", " ")


@pytest.mark.parametrize(("foreign", "found"), [(False, "absent"), (True, "mismatch")])
def test_check_without_the_capsule(wrapping: Shell, foreign: bool, found: str) -> None:
    """None, or another recipient's: refused, and said why."""
    one = minted(wrapping)
    references = [f"References: <{minted(wrapping, 'ann@example.org').capsule}>"] if foreign else []
    told, _ = check(wrapping, one.address, "In-Reply-To: <n@git.example.com>", *references)
    assert (told["verdict"], told["reason"]) == ("reject", f"thread_{found}")
    assert (told["original"], told["notified"]) == (found, None)


@pytest.mark.parametrize(
    ("recipient", "sender", "left", "told"),
    [
        (NATIVE, JANE, (20,), ("reject", "native", "native")),
        (NATIVE, JANE, (), ("accept", "ok", "native")),
        (OPEN, JANE, (20,), ("accept", "ok", "open")),
        (BOUNCE, "", (20,), ("accept", "ok", "bounce")),
        (BOUNCE, JANE, (20,), ("reject", "native", "native")),
        ("ann@git.example.com", JANE, (20,), ("accept", "ordinary", None)),
    ],
)
def test_check_of_the_applications_own_addresses(
    wrapping: Shell, recipient: str, sender: str, left: tuple[int, ...], told: tuple[str, str, str | None]
) -> None:
    """By what has left this host."""
    leave(wrapping, *left)
    found, _ = check(wrapping, recipient, sender=sender)
    assert (found["verdict"], found["reason"], found["class"]) == told
    assert found["original"] is None


def test_doctor_reads_a_notification(wrapping: Shell) -> None:
    """Exit status by its worst finding; in JSON what was seen, too. No key file is needed, and nothing is written."""
    path = wrapping.folder / "n.eml"
    path.write_text(f"From: noreply@git.example.com\nReply-To: {NATIVE}\nMessage-ID: <a@b>\n\nHello {NATIVE}\n")
    (wrapping.folder / "keys.toml").unlink()
    words = ("doctor", "--application", str(path), "--config", wrapping.config)
    status, out, err = wrapping.run(*words)
    assert (status, err) == (1, "") and out.startswith("application: warning\n")
    told = json.loads(wrapping.run(*words, "--json")[1])
    assert (told["status"], told["areas"]) == ("warnings", {"application": "warning"})
    assert told["notification"]["handlers"] == ["gitea"]
    assert {"handler": "gitea", "field": "Reply-To", "deed": "rewritten"} in told["notification"]["changes"]
    assert told["notification"]["keys_in_body"] == [{"handler": "gitea", "part": "text/plain", "line": 1}]
    assert NATIVE not in out + str(told)
    path.write_text(path.read_text().replace("From: noreply@", "From: cron@"))
    assert wrapping.run(*words)[0] == 1 and wrapping.run(*words, "--sender", "root@git.example.com")[0] == 2
    assert wrapping.run(*words, "--sender", "noreply@git.example.com")[0] == 1


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--sender", JANE], os.EX_USAGE),
        (["--application", "/nowhere.eml", "--postfix", "/etc/postfix"], os.EX_USAGE),
        (["--application", "/nowhere.eml"], os.EX_NOINPUT),
    ],
)
def test_doctor_refuses_words_that_do_not_go_together(wrapping: Shell, words: list[str], status: int) -> None:
    """And a file that is not there."""
    assert wrapping.refused("doctor", *words, "--config", wrapping.config)[0] == status


def test_the_stores_copy_is_told_of_without_what_could_drive_a_terminal() -> None:
    """Its Message-ID is the application's; a text that can't be encoded does not end the command."""
    assert copy_words(None) == "the store keeps no copy of what it stands for: only the capsule tells"
    shown = copy_words(StoredOriginal(b"", "a\x1b[2J\udcff@app.test"))
    assert shown.endswith("<a?[2J?@app.test>")
