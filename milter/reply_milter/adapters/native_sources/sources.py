"""One source for each handler that verifies native addresses. Implements ``ports.NativeSources``."""

from collections.abc import Callable, Mapping
from functools import partial

from reply_milter.adapters.native_sources.database import DatabaseSource
from reply_milter.adapters.native_sources.lines import LinesSource
from reply_milter.core.native.forms import Named
from reply_milter.core.native.known import Known
from reply_milter.core.native.verification import LinesFile, Query
from reply_milter.ports.native_source import SourceUnavailableError

# The handler's number, whether its source gives answers, and when its file changed (Unix seconds; 0: no file).
Report = Callable[[int, bool, float], None]


class Sources:
    """``wanted``: the source of each handler, by the handler's number. ``report``: hears how each is, as the log does.

    Without ``report``, nothing is logged.
    """

    def __init__(self, wanted: Mapping[int, LinesFile | Query], report: Report | None = None) -> None:
        self._sources = {number: _source(number, one, report) for number, one in wanted.items()}

    def look(self) -> None:
        """Read what is to be read, once."""
        for source in self._sources.values():
            source.look()

    def start(self) -> None:
        """Read what is to be read, and watch it. For processes that never fork."""
        for source in self._sources.values():
            source.start()

    def close(self) -> None:
        """Watch no longer."""
        for source in self._sources.values():
            source.close()

    def known(self, handler_id: int, named: Named) -> Known | None:
        """See ``ports.NativeSources``."""
        source = self._sources.get(handler_id)
        if source is None:
            raise SourceUnavailableError("the handler has no source")
        return source.known(named)


def _source(number: int, wanted: LinesFile | Query, report: Report | None) -> LinesSource | DatabaseSource:
    told = None if report is None else partial(report, number)
    if isinstance(wanted, LinesFile):
        return LinesSource(wanted.path, told)
    return DatabaseSource(wanted.path, wanted.sql, told)
