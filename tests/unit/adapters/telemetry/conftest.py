"""Files of metrics that tests open in one process, one after the other."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.mmap_dict import MmapedDict

from reply_milter.adapters.telemetry import cells


@pytest.fixture
def closed_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process keeps its files until it ends; here they are closed after each test."""
    files: list[Any] = []

    def opened(path: str) -> Any:
        assert Path(path).stat().st_size > 0, "a reader at this moment would stumble over it"
        files.append(MmapedDict(path))  # type: ignore[no-untyped-call]
        return files[-1]

    monkeypatch.setattr(cells, "MmapedDict", opened)
    yield
    for file in files:
        file.close()
