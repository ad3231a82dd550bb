"""Which processes a daemon has, by its configuration."""

from pathlib import Path

import pytest

from reply_milter.adapters.milter_loop import COUNT_OCTETS, ConnectionCounts
from reply_milter.cli.init import write_files
from reply_milter.processes.plan import ProcessKind, process_plan
from reply_milter.wiring.stores import load

_IMAP = """
[delivery]
listen = ""
[[imap]]
name = "first"
url = "imaps://imap.example.com"
user = "a"
password_file = "/run/password"
[[imap]]
name = "second"
url = "imaps://imap.example.com"
user = "b"
password_file = "/run/password"
"""


def test_a_host_that_only_fetches_has_a_process_for_each_mailbox(tmp_path: Path) -> None:
    """And the one that watches the store; none that listens."""
    write_files(tmp_path, "reply.example.com", "example", str(tmp_path / "state"))
    path = tmp_path / "reply-milter.toml"
    text = path.read_text().replace('"unix:/var/spool/postfix/reply-milter/verify.sock"', '""')
    path.write_text(text.replace('"127.0.0.1:9797"', '""') + _IMAP)
    config = load(str(path)).config
    assert [spec.slot for spec in process_plan(config)] == ["imap0", "imap1", "metrics"]
    assert config.uses_store


def test_one_worker_a_core_has_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the number that may be named: who counts connections has room for no more."""
    write_files(tmp_path, "reply.example.com", "example", str(tmp_path / "state"))
    config = load(str(tmp_path / "reply-milter.toml")).config
    monkeypatch.setattr("os.cpu_count", lambda: 384)
    workers = [spec.slot for spec in process_plan(config) if spec.kind is ProcessKind.VERIFY]
    assert (len(workers), workers[-1]) == (256, "verify255")
    counts = [ConnectionCounts(memoryview(bytearray(COUNT_OCTETS)), number) for number in (0, 255)]
    assert not any(one.has_many_more() for one in counts)
