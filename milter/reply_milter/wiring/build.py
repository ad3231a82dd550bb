"""Which of the two builds this is: all of it interpreted, or the way of a reply compiled (``make compiled``)."""

from importlib.machinery import EXTENSION_SUFFIXES

from reply_milter import __version__
from reply_milter.flows.verifying import inbound


def is_compiled() -> bool:
    """Return whether the way of a reply was loaded from a shared library."""
    return inbound.__file__.endswith(tuple(EXTENSION_SUFFIXES))


def version() -> str:
    """Return the version, as ``--version`` and the log at the start say it."""
    return f"{__version__}, compiled" if is_compiled() else __version__
