"""Which of the two builds this is: all of it interpreted, or the way of a reply compiled (``make compiled``)."""

from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec

from reply_milter import __version__


def is_compiled() -> bool:
    """Return whether the way of a reply is loaded from a shared library."""
    found = find_spec("reply_milter.flows.verifying.inbound")  # looks for it, and does not load it
    return bool(found and found.origin and found.origin.endswith(tuple(EXTENSION_SUFFIXES)))


def version() -> str:
    """Return the version, as ``--version`` and the log at the start say it."""
    return f"{__version__}, compiled" if is_compiled() else __version__
