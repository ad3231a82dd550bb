"""What ``doctor`` says of mailboxes at a real Dovecot; it changes nothing there."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reply_milter.config import Config, parse
from reply_milter.core.diagnosis.problem import Severity
from reply_milter.doctor.mailboxes import examine_mailboxes
from tests.support.hosts.dovecot import PASSWORD, DovecotLayout, PrivateDovecot, dovecot

_CONFIG = """
realm = "example"
[address]
mint_domain = "reply.example.com"
[keys]
file = "keys.toml"
seal_file = "seal.key"
[delivery]
[[handler]]
id = 1
name = "issue"
[[imap]]
name = "inbox"
url = "imap://127.0.0.1:{port}"
user = "{user}"
password_file = "{password}"
authserv_id = "mx.example.com"
"""


@pytest.fixture
def start() -> Iterator[Callable[[DovecotLayout], PrivateDovecot]]:
    """Starts servers, and stops them."""
    with ExitStack() as stack:
        yield lambda layout: stack.enter_context(dovecot(layout))


def _config(server: PrivateDovecot, folder: Path, password: str = PASSWORD) -> Config:
    (folder / "password").write_text(password)
    (folder / "password").chmod(0o600)
    return parse(_CONFIG.format(port=server.port, user=server.user, password=folder / "password"))


def _checks(config: Config) -> dict[str, str]:
    return {found.check: found.what for found in examine_mailboxes(config, None) if found.severity is not Severity.NOTE}


def test_a_good_mailbox_has_only_folders_to_be_made(
    start: Callable[[DovecotLayout], PrivateDovecot], tmp_path: Path
) -> None:
    """And they are not made now; the message there stays unseen."""
    server = start(DovecotLayout())
    server.deliver(b"Subject: x\r\n\r\n")
    found = list(examine_mailboxes(_config(server, tmp_path), None))
    assert [problem.check for problem in found] == ["imap.folder"]
    assert "Replies/Rejected" in found[0].what
    assert not server.folder_named("Replies/Rejected").exists()
    assert server.flags() in ([""], [])


def test_what_a_server_can_not_do_is_said(start: Callable[[DovecotLayout], PrivateDovecot], tmp_path: Path) -> None:
    """As it answers after the login."""
    assert list(_checks(_config(start(DovecotLayout(without=("UIDPLUS",))), tmp_path))) == ["imap.deletion"]
    assert list(_checks(_config(start(DovecotLayout(without=("UIDPLUS", "MOVE"))), tmp_path))) == ["imap.removal"]


def test_why_a_mailbox_does_not_open_is_said(start: Callable[[DovecotLayout], PrivateDovecot], tmp_path: Path) -> None:
    """A wrong password, no server; and a file that others may read."""
    server = start(DovecotLayout())
    assert "refuses the login" in _checks(_config(server, tmp_path, "wrong"))["imap.refused"]
    config = _config(server, tmp_path)
    server.stop()
    assert "Connection refused" in _checks(config)["imap.unavailable"]
    (tmp_path / "password").chmod(0o644)
    assert "keys.mode" in _checks(config)
