"""Files of metrics that tests open in one process, one after the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.adapters.telemetry import cells
from reply_milter.adapters.telemetry.cell_file import CellFile


@pytest.fixture
def closed_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process keeps its files until it ends; here they are closed after each test."""
    files: list[CellFile] = []

    def opened(path: str) -> CellFile:
        assert Path(path).stat().st_size > 0, "a reader at this moment would stumble over it"
        files.append(CellFile(path))
        return files[-1]

    monkeypatch.setattr(cells, "CellFile", opened)
    yield
    for file in files:
        file.close()
