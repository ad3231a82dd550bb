"""``commit`` against a real Redis: for hooks of one's own."""

import os
from collections.abc import Callable

import pytest

from reply_milter.adapters.redis_store import RedisStore
from reply_milter.cli import main
from reply_milter.ports import Replay
from tests.support.stores.redis_under_test import PROGRAM, RedisUnderTest
from tests.support.stores.store_bench import claim, outcome

pytestmark = [pytest.mark.redis, pytest.mark.skipif(PROGRAM is None, reason="there is no redis-server on this machine")]


def test_committed_reply_is_a_duplicate(
    config: str, server: RedisUnderTest, opened: Callable[..., RedisStore], capsys: pytest.CaptureFixture[str]
) -> None:
    """In silence, and as often as the hook likes."""
    store = opened(server)
    outcome(store, claim())
    for _ in range(2):
        assert main(["commit", claim().id, "--config", config]) == os.EX_OK
    assert capsys.readouterr().err == ""
    assert outcome(store, claim(owner=b"owner2")) is Replay.DUPLICATE


def test_commit_of_an_unknown_reply_is_reported(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    """EX_DATAERR, one line."""
    assert main(["commit", "a" * 26, "--config", config]) == os.EX_DATAERR
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert "no reply is reserved" in told.err
