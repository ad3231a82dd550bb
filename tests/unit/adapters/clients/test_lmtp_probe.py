"""The LMTP probe."""

from collections.abc import Callable
from pathlib import Path

import pytest

from reply_milter.adapters.clients.lmtp_probe import greets


def test_nobody_there(tmp_path: Path) -> None:
    """Neither at a path nor at a port."""
    assert not greets(str(tmp_path / "nothing"), "", 0, 1.0)
    assert not greets("", "127.0.0.1", 1, 1.0)


@pytest.mark.parametrize("said,is_greeting", [(b"220 x\r\n", True), (b"421 x\r\n", False), (b"", False)])
def test_a_greeting(answering: Callable[[bytes], str], said: bytes, is_greeting: bool) -> None:
    """Is 220 and nothing else."""
    assert greets(answering(said), "", 0, 0.5) is is_greeting
