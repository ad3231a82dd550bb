"""The sources that native addresses are verified with, as the handlers name them."""

from reply_milter.adapters.native_sources import Sources
from reply_milter.core.native.verification import LinesFile, Query
from reply_milter.core.verdict.handler import Handlers


def wanted_sources(handlers: Handlers) -> dict[int, LinesFile | Query]:
    """The source of each handler that verifies native addresses, by its number."""
    return {
        handler.id: handler.wrap.verification.source
        for handler in handlers.wrapped
        if handler.wrap is not None and handler.wrap.verification is not None
    }


def read_sources(handlers: Handlers) -> Sources:
    """All sources as they are now, not watched: for commands."""
    sources = Sources(wanted_sources(handlers))
    sources.look()
    return sources
