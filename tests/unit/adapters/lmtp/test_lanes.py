"""Places and octets of one handler are no other's, and both are bounded."""

import asyncio
import socket
import threading

import pytest

from reply_milter.adapters.lmtp import Lanes, LmtpServer, lanes
from reply_milter.adapters.lmtp.lanes import Place
from reply_milter.core.delivery.outcome import DeliveryOutcome, Done
from reply_milter.core.delivery.reply import Envelope
from reply_milter.core.token.token import handler_in
from reply_milter.ports.delivery_telemetry import TurnedAway
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.lmtp_under_test import PLENTY, RecordingIntake, server_of

KIB = 1 << 10


def _lanes(places: int = 2, octets: int = 100 * KIB) -> tuple[Lanes, RecordingIntake]:
    told = RecordingIntake()
    return Lanes(lambda recipient: recipient.partition("+")[0], places, octets, told), told


async def _entered(made: Lanes, recipient: str) -> Place:
    place = await made.enter(recipient)
    assert place is not None
    return place


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the time were over in which places and room are waited for."""
    monkeypatch.setattr(lanes, "_PLACE_SECONDS", 0.0)
    monkeypatch.setattr(lanes, "_ROOM_SECONDS", 0.0)


def test_a_full_lane_is_reported_and_no_other_s_concern() -> None:
    """Its next one is left with the MTA; another handler has all its places."""

    async def run() -> None:
        made, told = _lanes()
        taken_places = [await _entered(made, "slow+1"), await _entered(made, "slow+2")]
        assert await made.enter("slow+3") is None
        assert told.away == [("slow", TurnedAway.BUSY)]
        taken_places += [await _entered(made, "other+1"), await _entered(made, "other+2")]
        taken_places[0].leave()
        taken_places[0].leave()  # once is enough
        taken_places.append(await _entered(made, "slow+4"))
        assert await made.enter("slow+5") is None
        assert not made.idle
        for place in taken_places:
            place.leave()
        assert made.idle

    asyncio.run(run())


@pytest.mark.parametrize("places,shared", [(16, 12), (4, 3), (3, 2), (2, 1), (1, 1)])
def test_who_shares_a_queue_of_the_mta_leaves_some_of_it_free(places: int, shared: int) -> None:
    """An MTA opens as many connections for a queue as one handler has places: the last ones must get past it."""

    async def run() -> None:
        told = RecordingIntake()
        made = Lanes(lambda recipient: recipient, places, PLENTY, told, shares_queue=lambda handler: handler == "slow")
        for _ in range(shared):
            await _entered(made, "slow")
        assert await made.enter("slow") is None
        assert told.away == [("slow", TurnedAway.BUSY)]
        for _ in range(places):
            await _entered(made, "alone")

    asyncio.run(run())


def test_who_waits_gets_the_place_that_becomes_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client waits for a lane that moves: an MTA with more processes than places gets no 451."""
    monkeypatch.setattr(lanes, "_PLACE_SECONDS", 60.0)

    async def run() -> None:
        made, told = _lanes(places=1)
        first = await _entered(made, "slow+1")
        waiting = [asyncio.create_task(made.enter("slow+2")), asyncio.create_task(made.enter("slow+3"))]
        await asyncio.sleep(0)
        first.leave()
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert done == {waiting[0]}, "in the order in which they came"
        second = waiting[0].result()
        assert second is not None
        second.leave()
        assert await waiting[1] is not None
        assert told.away == []

    asyncio.run(run())


def test_octets_are_bounded_over_all_and_for_each() -> None:
    """A handler has half; and one message more, so that a large one comes through."""

    async def run() -> None:
        made, told = _lanes(places=4)
        first, second, third = [await _entered(made, "slow+1") for _ in range(3)]
        assert await first.reserve(50 * KIB)
        assert await second.reserve(30 * KIB), "one may go over"
        assert not await third.reserve(1)
        assert await second.reserve(200 * KIB), "the same one, to its end"
        assert told.away == [("slow", TurnedAway.OCTETS)]
        other = await _entered(made, "other+1")
        assert await other.reserve(500 * KIB), "nobody waits for another handler's"
        assert not await (await _entered(made, "other+2")).reserve(1)
        second.leave()
        assert await third.reserve(10 * KIB), "now this is the one that may go over"
        first.leave()
        other.leave()
        third.leave()
        assert told.octets == 0

    asyncio.run(run())


def test_two_halves_of_messages_do_not_wait_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of them always goes on, and the other has room when that has left."""
    monkeypatch.setattr(lanes, "_ROOM_SECONDS", 60.0)

    async def run() -> None:
        made, _ = _lanes()
        first, second = await _entered(made, "slow+1"), await _entered(made, "slow+2")
        assert await first.reserve(25 * KIB) and await second.reserve(25 * KIB)
        assert await first.reserve(25 * KIB)
        waiting = asyncio.create_task(second.reserve(25 * KIB))
        await asyncio.sleep(0)
        assert not waiting.done()
        first.leave()
        assert await waiting

    asyncio.run(run())


class Take:
    """A delivery that waits until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.taken: list[str] = []

    def __call__(self, envelope: Envelope) -> DeliveryOutcome:
        self.taken.append(envelope.recipient)
        if envelope.recipient.startswith("slow"):
            self.go.wait(30)
        return Done()


class Client:
    """Speaks LMTP to a server, over a socket pair."""

    def __init__(
        self, transport: asyncio.BaseTransport, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._transport = transport
        self._reader = reader
        self._writer = writer

    @classmethod
    async def of(cls, server: LmtpServer) -> "Client":
        """A connection that has said LHLO."""
        ours, theirs = socket.socketpair()
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(server._conversation, theirs)
        client = cls(transport, *await asyncio.open_connection(sock=ours))
        await client.answer()
        assert (await client.say(b"LHLO x\r\n"))[:3] == b"250"
        return client

    async def answer(self) -> bytes:
        """The last line of the next answer."""
        while (line := await self._reader.readline())[3:4] == b"-":
            pass
        return line

    async def say(self, octets: bytes) -> bytes:
        """Say it, and hear the answer."""
        self._writer.write(octets)
        return await self.answer()

    async def begin(self, recipient: str) -> bytes:
        """The answer to DATA."""
        await self.say(b"MAIL FROM:<a@b>\r\n")
        await self.say(f"RCPT TO:<{recipient}>\r\n".encode())
        return await self.say(b"DATA\r\n")

    async def close(self) -> None:
        """Hang up, and wait until the server has."""
        self._writer.close()
        await self._writer.wait_closed()
        while not self._transport.is_closing():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)  # its protocol hears of that


def test_a_client_of_a_full_lane_hears_so_before_its_message() -> None:
    """451 in place of 354: nothing of it is held. Another handler's passes meanwhile."""

    async def run() -> None:
        take, told = Take(), RecordingIntake()
        server = server_of(take, 1000, connections=9, told=told)
        slow = await Client.of(server)
        assert (await slow.begin("slow+1@x"))[:3] == b"354"
        held = asyncio.create_task(slow.say(b"x\r\n.\r\n"))
        await asyncio.to_thread(wait_until, lambda: bool(take.taken), 10, "the slow one's delivery")
        late, other = await Client.of(server), await Client.of(server)
        assert (await late.begin("slow+2@x")).startswith(b"451 4.3.2 ")
        assert (await late.say(b"RSET\r\n"))[:3] == b"250"
        assert (await other.begin("other+1@x"))[:3] == b"354"
        assert await other.say(b"x\r\n.\r\n") == b"250 2.0.0 Ok\r\n"
        take.go.set()
        assert await held == b"250 2.0.0 Ok\r\n"
        assert (await late.begin("slow+2@x"))[:3] == b"354", "its place is free again"
        for client in (slow, late, other):
            await client.close()

    asyncio.run(run())


def test_a_message_for_which_there_is_no_room_is_read_and_left() -> None:
    """452 at its end, for each recipient, and the conversation goes on; nothing of it was kept."""

    async def run() -> None:
        take, told = Take(), RecordingIntake()
        server = server_of(take, 1 << 30, connections=9, places=9, octets=400 * KIB, told=told)
        message = (b"x" * 98 + b"\r\n") * 1000
        one, two, three = [await Client.of(server) for _ in range(3)]
        for client in (one, two):
            assert (await client.begin("slow+1@x"))[:3] == b"354"
        held = [asyncio.create_task(client.say(message + b".\r\n")) for client in (one, two)]
        await asyncio.to_thread(wait_until, lambda: len(take.taken) == 2, 10, "two deliveries: one fits, one more")
        await three.say(b"MAIL FROM:<a@b>\r\n")
        await three.say(b"RCPT TO:<slow+2@x>\r\n")
        assert (await three.begin("slow+3@x"))[:3] == b"354"
        assert (await three.say(message + b".\r\nNOOP\r\n")).startswith(b"452 4.3.1 ")
        assert (await three.answer()).startswith(b"452 4.3.1 ")
        assert (await three.answer())[:3] == b"250"
        assert ("slow", TurnedAway.OCTETS) in told.away
        take.go.set()
        assert [(await answer)[:3] for answer in held] == [b"250", b"250"]
        assert told.octets == 0 and told.most < 4 * len(message)
        for client in (one, two, three):
            await client.close()

    asyncio.run(run())


def test_a_client_that_hangs_up_leaves_nothing_behind() -> None:
    """In the middle of its message, or while that is delivered: its place is free once the delivery has ended."""

    async def run() -> None:
        take, told = Take(), RecordingIntake()
        server = server_of(take, 1 << 30, connections=9, told=told)
        client = await Client.of(server)
        assert (await client.begin("slow+1@x"))[:3] == b"354"
        client._writer.write(b"x" * 98 + b"\r\n")
        await asyncio.to_thread(wait_until, lambda: told.octets > 0, 10, "octets of it")
        await client.close()
        await asyncio.to_thread(wait_until, lambda: told.octets == 0 and server.idle, 10, "an empty lane")
        client = await Client.of(server)
        assert (await client.begin("slow+1@x"))[:3] == b"354"
        client._writer.write(b"x\r\n.\r\n")
        await asyncio.to_thread(wait_until, lambda: bool(take.taken), 10, "its delivery")
        await client.close()
        late = await Client.of(server)
        assert (await late.begin("slow+2@x"))[:3] == b"451", "a thread works on it still"
        take.go.set()
        await asyncio.to_thread(wait_until, lambda: server.idle, 10, "an empty lane")
        await late.close()

    asyncio.run(run())


@pytest.mark.parametrize("address,number", [
    ("reply+000000002ababaqbjagcghoayf6dbdtkgsn3mpr7iyshxxd5mg6glfvcgw@reply.example.com", 1),
    ("REPLY+000000002ABABAQBJAGCGHOAYF6DBDTKGSN3MPR7IYSHXXD5MG6GLFVCGW@reply.example.com", 1),
    ("000000002ababaqbjagcghoayf6dbdtkgsn3mpr7iyshxxd5mg6glfvcgw@reply.example.com", 1),
    ("re-ply-000000002ab77aqbjagcghoayf6dbdtkgsn3mpr7iyshxxd5mg6glfvcgw@reply.example.com", 1023),
    ("reply@reply.example.com", None),
    ("", None),
    ("reply+000000002aba@reply.example.com", None),
    ("reply+" + "0" * 10 + "b" * 100_000 + "@reply.example.com", None),
])  # fmt: skip
def test_the_handler_of_an_address(address: str, number: int | None) -> None:
    """As it stands in the token, whoever wrote that: it says whose places are taken, and nothing else."""
    assert handler_in(address) == number
