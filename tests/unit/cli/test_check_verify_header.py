"""``check``, ``verify-header`` and ``commit``: messages and ids from a command line."""

import json
import os
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest

from reply_milter.core.mail.fingerprint import BodyDigest
from reply_milter.core.seal.verdict_header import seal
from tests.support.shell import AT, Shell

BODY = b"Yes.\r\n"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("lines,verdict", [(1000, "accept"), (2000, "reject")])
def test_line_ends_count_as_on_the_way(shell: Shell, lines: int, verdict: str, end: str) -> None:
    """4,000 octets in a file with LF are 6,000 in SMTP, and too many."""
    shell.edit("max_message_bytes = 26214400", "max_message_bytes = 5000")
    made = shell.mint("--user", "1", "--locator", "a")
    header = ["From: a@b.example", f"In-Reply-To: {made['message_id']}", "", ""]
    path = shell.folder / "m.eml"
    path.write_bytes((end.join(header) + f"x{end}" * lines).encode())
    words = (
        "check",
        "--rcpt",
        made["address"],
        "--from",
        "a@b.example",
        "--at",
        AT,
        "--json",
        "--config",
        shell.config,
    )
    status, out, err = shell.run(*words, str(path))
    assert (json.loads(out)["verdict"], status, err) == (verdict, int(verdict != "accept"), "")


def message(shell: Shell, body: bytes = BODY, verdicts: int = 1, tag: str = "") -> str:
    """A file with a message that bears sealed verdicts."""
    digest = BodyDigest()
    digest.feed(BODY)
    key = bytes.fromhex((shell.folder / "seal.key").read_text().strip())
    value = seal([("v", "1"), ("result", "pass"), ("user", "42"), ("body", tag or digest.text())], key)
    path = shell.folder / "message.eml"
    path.write_bytes(f"X-Reply-Verdict: {value}\r\n".encode() * verdicts + b"From: a@b\r\n\r\n" + body)
    return str(path)


@pytest.mark.parametrize("by_key", [True, False])
def test_sealed_verdict_is_opened(shell: Shell, by_key: bool) -> None:
    """With the configuration, or with the seal key alone: all that a hook needs."""
    how = ["--seal-key", str(shell.folder / "seal.key")] if by_key else ["--config", shell.config]
    tags = json.loads(shell.good("verify-header", message(shell), *how))
    assert (tags["v"], tags["result"], tags["user"]) == ("1", "pass", "42")


@pytest.mark.parametrize("body", [b"Yes.\n", b"Y\r\n es.", b"Yes.\r\n\r\n"])
def test_rewrapped_body_fits_its_seal(shell: Shell, body: bytes) -> None:
    """Mail clients of the MTA wrap long lines."""
    shell.good("verify-header", message(shell, body), "--config", shell.config)


@pytest.mark.parametrize(
    "verdicts,body,tag,word",
    [(0, BODY, "", "missing"), (2, BODY, "", "doubled"), (1, b"No.\r\n", "", "broken"), (1, BODY, "x" * 26, "broken")],
)
def test_verdict_that_can_not_be_trusted_is_exit_1(
    shell: Shell, verdicts: int, body: bytes, tag: str, word: str
) -> None:
    """Missing, doubled, or not about this body."""
    status, line = shell.refused("verify-header", message(shell, body, verdicts, tag), "--config", shell.config)
    assert status == 1
    assert word in line


def test_message_is_read_from_standard_input(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a pipe would have it."""
    octets = Path(message(shell)).read_bytes()
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(octets)))
    assert json.loads(shell.good("verify-header", "-", "--config", shell.config))["user"] == "42"


def test_files_that_can_not_be_read_are_one_line(shell: Shell) -> None:
    """EX_NOINPUT for the message, EX_CONFIG for the key."""
    status, line = shell.refused("verify-header", "/nowhere.eml", "--config", shell.config)
    assert (status, "/nowhere.eml: No such file" in line) == (os.EX_NOINPUT, True)
    assert shell.refused("verify-header", str(shell.folder), "--config", shell.config)[0] == os.EX_NOINPUT
    status, line = shell.refused("verify-header", message(shell), "--seal-key", "/nowhere.key")
    assert (status, "/nowhere.key: No such file" in line) == (os.EX_CONFIG, True)


@pytest.mark.parametrize("identifier", ["", "x", "A" * 26, "a" * 25, "a" * 27, "1" * 26, "\u212a" * 26])
def test_commit_of_no_id_is_refused(shell: Shell, identifier: str) -> None:
    """Without asking the store."""
    assert shell.refused("commit", identifier, "--config", shell.config)[0] == os.EX_USAGE


def test_commit_without_a_store_may_be_tried_again(shell: Shell, tmp_path: Path) -> None:
    """EX_TEMPFAIL: a pipe(8) hook defers on it."""
    shell.edit('url = "embedded"', f'url = "unix://{tmp_path}/none.sock"')
    status, line = shell.refused("commit", "a" * 26, "--config", shell.config)
    assert status == os.EX_TEMPFAIL
    assert "the store gave no answer" in line
