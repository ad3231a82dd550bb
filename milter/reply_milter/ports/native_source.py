"""Who knows the users of an application whose own addresses are verified."""

from typing import Protocol

from reply_milter.core.native.forms import Named
from reply_milter.core.native.known import Known


class SourceUnavailableError(Exception):
    """The source can't be read now. ``str()``: why, in a few words for the log; no path of a secret's file is one."""


class NativeSources(Protocol):
    """The sources of all handlers that verify native addresses."""

    def known(self, handler_id: int, named: Named) -> Known | None:
        """What the application knows of whom ``named`` names; None if nobody.

        Raises:
            SourceUnavailableError: no answer; the client is asked to come again.
        """
        ...
