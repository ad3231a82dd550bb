"""Something that happens again and again while a load runs."""

import threading
from collections.abc import Callable


class Every:
    """``with`` it: does ``deed`` after so many ``seconds``, and again, until the block ends or ``at_most`` were done.

    An accident of the deed ends it, and is raised at the end of the block.
    """

    def __init__(self, seconds: float, deed: Callable[[], object], at_most: int = 1_000_000) -> None:
        self._seconds, self._deed, self._at_most = seconds, deed, at_most
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._go_on)
        self._accident: BaseException | None = None
        self.times = 0

    @property
    def goes_on(self) -> bool:
        """Whether more is to come."""
        return self.times < self._at_most and self._accident is None

    def __enter__(self) -> "Every":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()
        if self._accident is not None:
            raise self._accident

    def _go_on(self) -> None:
        try:
            while self.goes_on and not self._ending.wait(self._seconds):
                self._deed()
                self.times += 1
        except BaseException as accident:  # noqa: BLE001 # raised where somebody hears it
            self._accident = accident
