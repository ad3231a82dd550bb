"""A lane for each handler: threads and octets of its own, so that no slow application holds up another's replies.

All of it belongs to the thread of the event loop, and needs no lock.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from reply_milter.ports.delivery_telemetry import IntakeTelemetry, TurnedAway

_PLACE_SECONDS = 1.0  # how long a lane that stands still is waited for: an MTA with one queue for all waits as well
_ROOM_SECONDS = 10.0
_SHARING = 0.75  # the part of its places that a handler may hold whose queue at the MTA is another handler's as well


class _Lane:
    """What one handler has. ``octets``: of its messages that are here. ``moved``: when a place was last taken or left.

    ``overdraft``: the one message that need not fit.
    """

    def __init__(self, handler: str, threads: Executor) -> None:
        self.handler = handler
        self.threads = threads
        self.busy = 0
        self.octets = 0
        self.overdraft: Visit | None = None
        self.moved = 0.0


class Lanes:
    """``lane_of``: the handler of a recipient, "" for none. ``places``: deliveries of one handler at a time.

    ``octets``: of all messages that are being received or delivered; one handler may have half of them. Beyond that,
    each handler has one message at a time, so that one larger than all of it comes through, and nobody waits for
    another handler's: the most that is ever here is ``octets`` and one message a handler. ``threads``: for tests, in
    place of threads of each lane's own. ``shares_queue``: whether replies of another handler wait in the same queue of
    the MTA, which hands over ``places`` of them at a time. Such a handler leaves some places free, so that the MTA
    keeps connections by which it gets past this one's replies.
    """

    def __init__(
        self,
        lane_of: Callable[[str], str],
        places: int,
        octets: int,
        told: IntakeTelemetry,
        threads: Executor | None = None,
        shares_queue: Callable[[str], bool] = lambda _handler: False,
    ) -> None:
        self._lane_of = lane_of
        self._places = places
        self._most = octets
        self._told = told
        self._threads = threads
        self._shares_queue = shares_queue
        self._lanes: dict[str, _Lane] = {}
        self._octets = 0
        self._changed = asyncio.Event()

    @property
    def idle(self) -> bool:
        """Whether no message is on its way."""
        return not any(lane.busy for lane in self._lanes.values())

    def change(self, octets: int) -> None:
        """Go on with another limit."""
        self._most = octets

    async def enter(self, recipient: str) -> "Visit | None":
        """A place for a message to ``recipient``; None if all of its handler's are held, and have been for a while."""
        lane = self._lane(recipient)
        deadline = max(lane.moved + _PLACE_SECONDS, time.monotonic())
        places = max(1, int(self._places * _SHARING)) if self._shares_queue(lane.handler) else self._places
        if not await self._until(lambda: lane.busy < places, deadline):
            self._told.turned_away(lane.handler, TurnedAway.BUSY)
            return None
        lane.busy += 1
        lane.moved = time.monotonic()
        return Visit(self, lane)

    def leave(self, visit: "Visit") -> None:
        """See ``Visit``."""
        lane = visit.lane
        lane.busy -= 1
        lane.moved = time.monotonic()
        self._count(visit, -visit.octets)
        if lane.overdraft is visit:
            lane.overdraft = None
        self._changed.set()  # whoever waits looks again, in the order in which they came
        self._changed = asyncio.Event()

    async def load(self, visit: "Visit", octets: int) -> bool:
        """See ``Visit``."""
        if not self._fits(visit, octets):
            deadline = time.monotonic() + _ROOM_SECONDS
            if not await self._until(lambda: self._fits(visit, octets), deadline):
                self._told.turned_away(visit.lane.handler, TurnedAway.OCTETS)
                return False
        self._count(visit, octets)
        return True

    def _lane(self, recipient: str) -> _Lane:
        handler = self._lane_of(recipient)
        if handler not in self._lanes:
            threads = self._threads or ThreadPoolExecutor(self._places, f"delivery {handler}".strip())
            self._lanes[handler] = _Lane(handler, threads)
        return self._lanes[handler]

    def _fits(self, visit: "Visit", octets: int) -> bool:
        lane = visit.lane
        if self._octets + octets <= self._most and lane.octets + octets <= self._most // 2:
            return True
        if lane.overdraft is None:
            lane.overdraft = visit
        return lane.overdraft is visit

    def _count(self, visit: "Visit", octets: int) -> None:
        visit.octets += octets
        visit.lane.octets += octets
        self._octets += octets
        self._told.in_flight(self._octets)

    async def _until(self, ready: Callable[[], bool], deadline: float) -> bool:
        while not ready():
            changed = self._changed
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await changed.wait()
            except TimeoutError:
                return ready()
        return True


class Visit:
    """One message's place, from DATA until it is answered, and its delivery has ended."""

    def __init__(self, lanes: Lanes, lane: _Lane) -> None:
        self._lanes = lanes
        self._left = False
        self.lane = lane
        self.octets = 0

    @property
    def threads(self) -> Executor:
        """Who delivers it."""
        return self.lane.threads

    async def load(self, octets: int) -> bool:
        """Take ``octets`` more of it in; False if there is no room for them, nor soon will be."""
        return await self._lanes.load(self, octets)

    def leave(self) -> None:
        """It is gone, octets and all."""
        if not self._left:
            self._left = True
            self._lanes.leave(self)
