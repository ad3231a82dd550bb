"""Which processes a daemon has, by its configuration."""

from pathlib import Path

from reply_milter.cli.init import write_files
from reply_milter.processes.plan import process_plan
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
