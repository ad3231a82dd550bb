"""One source for each handler that verifies native addresses. Implements ``ports.NativeSources``."""

from collections.abc import Mapping

from reply_milter.adapters.native_sources.database import DatabaseSource
from reply_milter.adapters.native_sources.lines import LinesSource
from reply_milter.core.native.forms import Named
from reply_milter.core.native.known import Known
from reply_milter.core.native.verification import LinesFile, Query
from reply_milter.ports.native_source import SourceUnavailableError


class Sources:
    """``wanted``: the source of each handler, by the handler's number."""

    def __init__(self, wanted: Mapping[int, LinesFile | Query]) -> None:
        self._sources = {number: _source(one) for number, one in wanted.items()}

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


def _source(wanted: LinesFile | Query) -> LinesSource | DatabaseSource:
    return LinesSource(wanted.path) if isinstance(wanted, LinesFile) else DatabaseSource(wanted.path, wanted.sql)
