"""The secrets of an application's users: a file of JSON lines that is watched, or a database that is asked."""

from reply_milter.adapters.native_sources.sources import Sources

__all__ = ["Sources"]
