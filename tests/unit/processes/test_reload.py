"""A reload: what it applies, and what it says of settings that need a restart."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reply_milter.adapters import telemetry
from reply_milter.cli.init import write_files
from reply_milter.processes.daemon import _Reload
from reply_milter.wiring.settings import Settings
from reply_milter.wiring.stores import load_to_run


@dataclass
class _Told:
    """Health, metrics and workers, as far as a reload tells them something."""

    statuses: list[str] = field(default_factory=list)
    good: list[bool] = field(default_factory=list)
    applied: list[Settings] = field(default_factory=list)

    def reloading(self) -> None:
        """See ``Health``."""

    def reloaded(self, told: "str | bool") -> None:
        """See ``Health`` and ``SupervisorMetrics``."""
        if isinstance(told, bool):
            self.good.append(told)
        else:
            self.statuses.append(told)

    def apply_settings(self, settings: Settings) -> None:
        """See ``Workers``."""
        self.applied.append(settings)


def test_what_needs_a_restart_is_named_until_it_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log, and in the status that systemctl shows; all other changes apply at once."""
    monkeypatch.setattr(telemetry, "log_to_stderr", lambda _json, _level: None)
    caplog.set_level(logging.WARNING, "reply_milter.processes.daemon")
    write_files(tmp_path / "etc", "reply.example.com", "example", str(tmp_path / "state"))
    path = tmp_path / "etc" / "reply-milter.toml"
    text, told = path.read_text(), _Told()
    reload = _Reload(str(path), load_to_run(str(path)), told, told, told)  # type: ignore[arg-type]
    more = text.replace("validity_days = 90", "validity_days = 30").replace("# [sign]\n", "[sign]\n")
    path.write_text(f'{more}\n[delivery]\nlisten = ""\n')
    reload()
    assert told.statuses == ["restart to apply: sign, delivery"]
    assert [record.getMessage() for record in caplog.records] == [
        "sign changed: restart the daemon to apply it", "delivery changed: restart the daemon to apply it"
    ]  # fmt: skip
    config = told.applied[-1].config
    assert (config.handlers.by_id[1].validity_days, config.sign.place, config.delivery) == (30, None, None)
    path.write_text(text.replace("settle_ms = 200", "settle_ms = -1"))
    reload()
    path.write_text(text)
    reload()
    assert told.statuses[1:] == ["not reloaded, the old settings stay in force: see the log", ""]
    assert told.good == [True, False, True]
    mistake = caplog.records[2].getMessage()
    assert f"{path}:" in mistake and ": replay.settle_ms: must be" in mistake
