"""A Maildir: each reply once."""

import os
from pathlib import Path

from reply_milter.adapters.handlers import deliverer_for
from reply_milter.core.delivery.outcome import Done, Later
from reply_milter.core.verdict.destination import Maildir
from tests.contract.handlers.given import NAMES, now, reply


def test_a_maildir_has_each_reply_once(tmp_path: Path) -> None:
    """Also when it was read meanwhile; the folder is made."""
    maildir = deliverer_for(Maildir(str(tmp_path / "a/Mail")), now(), NAMES)
    handed = reply()
    assert maildir.process(handed) == Done()
    (file,) = (tmp_path / "a/Mail/new").iterdir()
    assert file.read_bytes() == handed.envelope.message.replace(b"\r\n", b"\n")
    assert maildir.process(reply()) == Done()
    os.rename(file, tmp_path / f"a/Mail/cur/{file.name}:2,S")
    assert maildir.process(reply()) == Done()
    assert not list((tmp_path / "a/Mail/new").iterdir())
    assert not list((tmp_path / "a/Mail/tmp").iterdir())


def test_a_maildir_that_cannot_be_written_is_later(tmp_path: Path) -> None:
    """Somebody repairs it."""
    (tmp_path / "Mail").write_text("no folder")
    assert isinstance(deliverer_for(Maildir(str(tmp_path / "Mail")), now(), NAMES).process(reply()), Later)
