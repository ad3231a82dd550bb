"""pymilter's context of a connection, as much of it as our callbacks need."""


class MilterContext:
    """``replies``: what was set as the words of an answer. Every macro is ``x``."""

    def __init__(self) -> None:
        self.replies: list[str] = []
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

    def setreply(self, code: str, _enhanced: str, text: str) -> None:
        """Note an answer."""
        self.replies.append(f"{code} {text}")
