"""pymilter's context of a connection, as much of it as our callbacks need."""


class MilterContext:
    """``replies``: code, enhanced code and text of what was set as an answer. Every macro is ``x``."""

    def __init__(self) -> None:
        self.replies: list[tuple[str, str, str]] = []
        self._private: object = None

    def getpriv(self) -> object:
        """Return what ``setpriv`` was given."""
        return self._private

    def setpriv(self, private: object) -> None:
        """Keep an object of the callbacks'."""
        self._private = private

    def getsymval(self, _name: str) -> str:
        """Return a macro."""
        return "x"

    def setreply(self, code: str, enhanced: str, text: str) -> None:
        """Note an answer."""
        self.replies.append((code, enhanced, text))
