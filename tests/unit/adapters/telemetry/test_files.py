"""A truncated file of metrics costs only the counts of its process: neither the page nor a restarted process fails."""

import random
import struct
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, values

from reply_milter.adapters.telemetry import Metrics
from reply_milter.adapters.telemetry.cells import Cells, Counts
from reply_milter.adapters.telemetry.files import FileSeries, is_whole
from reply_milter.adapters.telemetry.metrics import SupervisorMetrics

REPLAYS = "reply_milter_replay_total"
BROKEN = "reply_milter_metrics_files_broken"


def count(folder: Path, slot: str, times: int) -> Path:
    """A process counts, and ends; the file of its counters."""
    metrics = Metrics(str(folder), slot, ("rcpt", "eom"), ("facts", "claim"))
    Counts(metrics.replays)[("first",)].inc(times)
    cells = values.ValueClass
    assert isinstance(cells, Cells)
    cells.close()
    return folder / f"counter_{slot}.db"


def shown(series: FileSeries) -> tuple[float | None, float | None]:
    """Replays that are counted, and how many files are left out."""
    registry = CollectorRegistry()
    registry.register(series)
    return registry.get_sample_value(REPLAYS, {"outcome": "first"}), registry.get_sample_value(BROKEN)


def test_what_others_count_is_shown_and_each_file_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Wherever it is cut; and again when it is whole, and cut once more."""
    first, _ = count(tmp_path, "one", 2), count(tmp_path, "two", 3)
    series, whole = FileSeries(str(tmp_path)), first.read_bytes()
    assert shown(series) == (5, 0)
    (used,) = struct.unpack_from("i", whole)
    for size in (0, 1, 3, 4, 7, 8, 9, 100, used // 2, used - 1):
        first.write_bytes(whole[:size])
        caplog.clear()
        assert [shown(series) for _ in range(3)] == [(3, 1)] * 3, size
        assert caplog.text.count("is cut or damaged") == 1
        first.write_bytes(whole)
        assert shown(series) == (5, 0)


def test_no_octet_of_a_file_can_break_the_page(tmp_path: Path) -> None:
    """A file with any content is either shown or left out, in time."""
    first, _ = count(tmp_path, "one", 2), count(tmp_path, "two", 3)
    series, whole, chance = FileSeries(str(tmp_path)), bytearray(first.read_bytes()), random.Random(1)
    for _ in range(300):
        damaged = bytearray(whole)
        at = chance.randrange(2000)
        damaged[at : at + 8] = chance.choice([bytes(8), b"\xff" * 8, chance.randbytes(8)])
        first.write_bytes(damaged)
        replays, broken = shown(series)
        assert broken in (0, 1)
        assert replays is not None


@pytest.mark.parametrize("size", [0, 3, 100, 1500])
def test_the_next_process_of_a_slot_counts_anew(tmp_path: Path, size: int, caplog: pytest.LogCaptureFixture) -> None:
    """It would end as it begins, and so would each after it."""
    path = count(tmp_path, "one", 2)
    path.write_bytes(path.read_bytes()[:size])
    assert not is_whole(str(path))
    count(tmp_path, "one", 4)
    assert shown(FileSeries(str(tmp_path))) == (4, 0)
    assert "counting starts again at 0" in caplog.text


def _emptied(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(0)


def test_the_supervisor_never_writes_past_the_end_of_a_file(tmp_path: Path) -> None:
    """After a file was cut or removed, the supervisor counts anew: a write would kill it, and nothing restarts it."""
    metrics = SupervisorMetrics(str(tmp_path), "1.0")
    for damage in (_emptied, Path.unlink):
        for file in tmp_path.glob("*_supervisor.db"):
            damage(file)
        metrics.reloaded(False)
        registry = CollectorRegistry()
        registry.register(FileSeries(str(tmp_path)))
        assert registry.get_sample_value("reply_milter_config_last_reload_success") == 0
        assert registry.get_sample_value("reply_milter_build_info", {"version": "1.0"}) == 1
        metrics._cells.close()
