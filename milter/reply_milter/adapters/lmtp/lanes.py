"""Give each handler a lane with threads and memory of its own, so that a slow application delays only its own replies.

Only the thread of the event loop uses this module, so it needs no lock.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor

from reply_milter.ports.delivery_telemetry import IntakeTelemetry, TurnedAway

_PLACE_SECONDS = 1.0  # to wait for a place where nothing moves: an MTA with one queue for all handlers waits, too
_ROOM_SECONDS = 10.0  # to wait for octets
_SHARING = 0.75  # of a handler's places, if its queue at the MTA is another handler's as well


class _Lane:
    """The lane of one handler. ``octets``: of its messages in memory. ``moved``: when a place was last taken or freed.

    ``overdraft``: the one message that may exceed the limits.
    """

    def __init__(self, handler: str, threads: Executor) -> None:
        self.handler = handler
        self.threads = threads
        self.busy = 0
        self.octets = 0
        self.overdraft: Place | None = None
        self.moved = 0.0


class Lanes:
    """``lane_of``: the handler of a recipient, "" for none. ``places``: deliveries per handler at a time.

    ``octets``: the limit for all messages that are being received or delivered; one handler may use half of it. Beyond
    the limit, each handler may have one message at a time: a message larger than the limit still passes, and no handler
    waits for another. So at most ``octets`` and one message per handler are in memory. ``threads``: for tests, in place
    of each lane's own threads. ``shares_queue``: whether replies of another handler wait in the same queue of the
    MTA, which hands over ``places`` of them at a time. Such a handler leaves some places free, so that the MTA keeps
    connections for the other one.
    """

    def __init__(
        self,
        lane_of: Callable[[str], str],
        places: int,
        octets: int,
        telemetry: IntakeTelemetry,
        threads: Executor | None = None,
        shares_queue: Callable[[str], bool] = lambda _handler: False,
    ) -> None:
        self._lane_of = lane_of
        self._places = places
        self._most = octets
        self._telemetry = telemetry
        self._threads = threads
        self._shares_queue = shares_queue
        self._lanes: dict[str, _Lane] = {}
        self._octets = 0
        self._changed = asyncio.Event()

    @property
    def idle(self) -> bool:
        """Whether no message is being received or delivered."""
        return not any(lane.busy for lane in self._lanes.values())

    def change(self, octets: int) -> None:
        """Apply another limit."""
        self._most = octets

    async def enter(self, recipient: str) -> "Place | None":
        """Take a place for a message to ``recipient``. None: all places of its handler have been taken for a while."""
        lane = self._lane(recipient)
        deadline = max(lane.moved + _PLACE_SECONDS, time.monotonic())
        places = max(1, int(self._places * _SHARING)) if self._shares_queue(lane.handler) else self._places
        if not await self._until(lambda: lane.busy < places, deadline):
            self._telemetry.turned_away(lane.handler, TurnedAway.BUSY)
            return None
        lane.busy += 1
        lane.moved = time.monotonic()
        return Place(self, lane)

    def leave(self, place: "Place") -> None:
        """See ``Place``."""
        lane = place.lane
        lane.busy -= 1
        lane.moved = time.monotonic()
        self._count(place, -place.octets)
        if lane.overdraft is place:
            lane.overdraft = None
        self._changed.set()  # wakes all that wait, in the order in which they came
        self._changed = asyncio.Event()

    async def reserve(self, place: "Place", octets: int) -> bool:
        """See ``Place``."""
        if not self._fits(place, octets):
            deadline = time.monotonic() + _ROOM_SECONDS
            if not await self._until(lambda: self._fits(place, octets), deadline):
                self._telemetry.turned_away(place.lane.handler, TurnedAway.OCTETS)
                return False
        self._count(place, octets)
        return True

    def _lane(self, recipient: str) -> _Lane:
        handler = self._lane_of(recipient)
        if handler not in self._lanes:
            threads = self._threads or ThreadPoolExecutor(self._places, f"delivery {handler}".strip())
            self._lanes[handler] = _Lane(handler, threads)
        return self._lanes[handler]

    def _fits(self, place: "Place", octets: int) -> bool:
        lane = place.lane
        if self._octets + octets <= self._most and lane.octets + octets <= self._most // 2:
            return True
        if lane.overdraft is None:
            lane.overdraft = place
        return lane.overdraft is place

    def _count(self, place: "Place", octets: int) -> None:
        place.octets += octets
        place.lane.octets += octets
        self._octets += octets
        self._telemetry.in_flight(self._octets)

    async def _until(self, ready: Callable[[], bool], deadline: float) -> bool:
        while not ready():
            changed = self._changed
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    await changed.wait()
            except TimeoutError:
                return ready()
        return True


class Place:
    """The place of one message in its lane, from DATA until it is answered and its delivery has ended."""

    def __init__(self, lanes: Lanes, lane: _Lane) -> None:
        self._lanes = lanes
        self._left = False
        self.lane = lane
        self.octets = 0

    @property
    def threads(self) -> Executor:
        """The threads that deliver it."""
        return self.lane.threads

    async def reserve(self, octets: int) -> bool:
        """Make room for ``octets`` more of the message; False if there is none within a few seconds."""
        return await self._lanes.reserve(self, octets)

    def leave(self) -> None:
        """Free the place and the octets. A second call does nothing."""
        if not self._left:
            self._left = True
            self._lanes.leave(self)
