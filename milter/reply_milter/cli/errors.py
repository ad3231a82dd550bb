"""How a command fails: one sentence that says what to do, and a sysexits code."""


class CommandError(Exception):
    """``status`` is one of sysexits.h, as in ``os.EX_*``."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
