"""``make demo-imap`` tells what became of each message."""

import pytest

from tools import demo_imap

pytestmark = pytest.mark.system


def test_it_shows_a_reply_a_replay_a_forgery_and_other_mail(capsys: pytest.CaptureFixture[str]) -> None:
    """As it happened on a real server."""
    demo_imap.main()
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "a reply delivered" in lines
    assert "the same again (a replay) rejected duplicate" in lines
    assert "a forgery rejected forged" in lines
    assert "a letter to somebody else left where it is, unseen" in lines
    assert lines[-3:] == ["INBOX 1", "Replies/Processed 1", "Replies/Rejected 2"]
