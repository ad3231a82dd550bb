"""What operators do about recipients of wrapped notifications, at a running daemon: it holds at the next RCPT."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from reply_milter.core.wrapping import outward_minting
from reply_milter.core.wrapping.outward_minting import Minted
from reply_milter.core.wrapping.plain import Plain
from reply_milter.core.wrapping.pseudo_users import pseudo_users_of
from reply_milter.wiring.stores import load
from tests.support.wrapped_settings import WRAPPED
from tests.wire.milter_alone import Milter, own_folder
from tests.wire.milter_client import CONTINUE, REPLYCODE, Answer, Mta

pytestmark = pytest.mark.wire

ALICE, HOME = "alice@client.example", "alice@home.example"
NATIVE = f"incoming+{'A' * 60}@git.example.com"


@pytest.fixture
def milter(engine: str) -> Iterator[Milter]:
    """A running daemon that wraps Gitea."""
    with own_folder() as folder:
        running = Milter(folder, engine=engine)
        tables = WRAPPED.replace("/tmp/none", str(folder))  # noqa: S108
        tables = re.sub(r'((?:sign|lmtp)\.sock")', r'\1\nsocket_group = ""', tables)
        running.config.write_text(running.config.read_text() + tables)
        running.daemon.start()
        yield running
        running.daemon.stop()


def _minted(milter: Milter, recipient: str) -> Minted:
    settings = load(str(milter.config))
    handler, then = settings.config.handlers.by_id[20], int(time.time()) - 300
    return outward_minting.mint(Plain(NATIVE, recipient), handler, True, then, settings.keyring, settings.config.form)


def _rcpt(milter: Milter, minted: Minted) -> Answer:
    with Mta(milter.socket) as mta:
        mta.connect()
        mta.mail()
        return mta.rcpt(f"<{minted.address}>", minted.address)


def _reply(milter: Milter, minted: Minted, author: str, name: str) -> Answer:
    with Mta(milter.socket) as mta:
        mta.connect()
        mta.mail()
        mta.rcpt(f"<{minted.address}>", minted.address)
        for field, value in (
            ("From", author), ("Message-ID", f"<{name}@client.example>"), ("Date", "Sat, 21 Nov 2026 12:00:00 +0000"),
            ("In-Reply-To", "<n@git.example.com>"), ("References", f"<n@git.example.com> <{minted.capsule}>"),
        ):  # fmt: skip
            mta.header(field, value)
        mta.body(f"Text of {name}.\r\n".encode())
        return mta.end_of_message()


def _command(milter: Milter, *words: str) -> str:
    command = [sys.executable, "-m", "reply_milter", *words, "--config", str(milter.config)]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", env=os.environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_revoking_an_address_reaches_what_was_wrapped_for_it(milter: Milter) -> None:
    """And nobody else: neither another recipient, nor what has a real user of that number."""
    mine, other = _minted(milter, ALICE), _minted(milter, "ann@client.example")
    (number,) = pseudo_users_of(ALICE, load(str(milter.config)).keyring)
    _command(milter, "revoke", "user", str(number))
    _command(milter, "user", "set", str(number), "--disabled")
    assert [_rcpt(milter, one).code for one in (mine, other)] == [CONTINUE, CONTINUE]
    assert "sent to alice@client.example" in _command(milter, "revoke", "address", "Alice@Client.Example")
    assert [_rcpt(milter, one).code for one in (mine, other)] == [REPLYCODE, CONTINUE]
    real = milter.mint(user=number)
    with Mta(milter.socket) as mta:
        mta.connect()
        mta.mail()
        assert mta.rcpt(f"<{real.address}>", real.address).code == REPLYCODE, "that user is disabled"


def test_a_second_address_answers_as_well(milter: Milter) -> None:
    """Once it is on file, and the first one still does."""
    minted = _minted(milter, ALICE)
    assert _reply(milter, minted, HOME, "before").code == REPLYCODE
    _command(milter, "user", "set", "--of", ALICE, "--address", HOME)
    for author, name in ((HOME, "home"), (ALICE, "client")):
        answer = _reply(milter, minted, author, name)
        assert answer.code != REPLYCODE, answer.text
    assert _reply(milter, minted, "eve@client.example", "other").code == REPLYCODE
