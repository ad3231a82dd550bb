"""Peers that break the milter protocol, by kind of violation: no other client is affected."""

import contextlib
import struct
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.target import load
from tests.support.processes.daemon_process import wait_until
from tests.wire.hostile_peer import Bystander, Footprint, Peer, is_served, was_taken
from tests.wire.milter_alone import Milter, own_folder
from tests.wire.violations import (
    LONG,
    an_mta_that_can_do_nothing,
    answers_that_nobody_reads,
    argument_without_its_nul,
    bits_that_nobody_knows,
    body_before_header,
    body_of_nuls,
    client_of_no_known_family,
    connection_used_again,
    content_without_an_envelope,
    empty_packet,
    end_twice,
    garbage_first,
    half_a_packet,
    header_name_of_non_utf8,
    header_of_65000_octets,
    header_of_70000_octets,
    header_of_nuls,
    header_without_value,
    headers_without_end,
    http_request,
    hundreds_of_aborts,
    hung_up_on_in_the_middle,
    macros_of_megabytes,
    macros_of_non_utf8,
    macros_without_values,
    mail_before_connect,
    many_that_say_nothing,
    many_that_say_nothing_more,
    negotiation_with_a_tail,
    nothing,
    octet_by_octet,
    one_octet_of_a_length,
    packet_of_2_gigabytes,
    packet_of_4_gigabytes,
    packet_without_data,
    rcpt_of_60000_octets,
    rcpt_of_many_arguments,
    rcpt_of_non_utf8,
    rcpt_without_mail,
    second_negotiation,
    short_negotiation,
    steps_that_were_not_wanted,
    thousands_of_macros,
    two_connects,
    two_mails,
    unknown_commands,
    versions_that_do_not_exist,
)

pytestmark = pytest.mark.wire


STREAMS = 3000 if LONG else 200


SLOW = 300 if LONG else 50


@pytest.fixture(scope="module")
def milter(engine: str) -> Iterator[Milter]:
    """A running daemon with one worker, which a peer can hit for sure."""
    with own_folder() as folder:
        running = Milter(folder, engine=engine)
        running.daemon.start()
        for _ in range(20):  # libmilter has its threads then, and we our connection to the store
            assert is_served(running)
        yield running
        running.daemon.stop()


VIOLATIONS: list[Callable[[Peer], None]] = [
    garbage_first, http_request, nothing, one_octet_of_a_length, half_a_packet, empty_packet, packet_without_data,
    packet_of_2_gigabytes, packet_of_4_gigabytes, unknown_commands, octet_by_octet, many_that_say_nothing,
    many_that_say_nothing_more, versions_that_do_not_exist, an_mta_that_can_do_nothing, bits_that_nobody_knows,
    short_negotiation, negotiation_with_a_tail, second_negotiation, rcpt_without_mail, mail_before_connect, two_mails,
    two_connects, content_without_an_envelope, end_twice, body_before_header, steps_that_were_not_wanted,
    hundreds_of_aborts, hung_up_on_in_the_middle, connection_used_again, header_of_70000_octets, header_of_65000_octets,
    headers_without_end, header_of_nuls, header_without_value, header_name_of_non_utf8, rcpt_of_non_utf8,
    rcpt_of_many_arguments, rcpt_of_60000_octets, argument_without_its_nul, client_of_no_known_family,
    macros_of_megabytes, thousands_of_macros, macros_without_values, macros_of_non_utf8, body_of_nuls,
    answers_that_nobody_reads,
]  # fmt: skip


@pytest.mark.parametrize("violate", VIOLATIONS, ids=lambda function: str(function.__name__))
def test_violations_harm_nobody(milter: Milter, violate: Callable[[Peer], None]) -> None:
    """Messages in progress and later ones are unaffected while the peer holds its connections, and so is the worker."""
    before = Footprint(milter)
    with Bystander(milter) as other, Peer(milter) as peer:
        violate(peer)
        assert is_served(milter)
        assert was_taken(other.finishes())
    before.comes_back()


def test_many_that_trickle_hold_nobody_up_for_long(milter: Milter) -> None:
    """Each half packet takes a thread of libmilter's. Now and then it forgets a session until the next one comes."""
    before = Footprint(milter)
    with Bystander(milter) as other, Peer(milter) as peer:
        for _ in range(SLOW):
            with contextlib.suppress(TimeoutError):  # its own session may be the one that is forgotten
                peer.says(struct.pack("!I", 100)[:2])
                peer.says(struct.pack("!I", 100) + b"M")
        assert is_served(milter, tries=5)
        assert was_taken(other.finishes())
    before.comes_back()


def test_a_macro_without_its_value_costs_a_worker_at_most(milter: Milter) -> None:
    """libmilter 8.17 then reads behind its list of macros. No MTA sends that; if one did, the worker would be back."""
    for _ in range(20):
        with Peer(milter) as peer, contextlib.suppress(OSError):
            mta = peer.connect()
            mta.connect()
            mta.mail()
            mta.send(b"D", b"R{rcpt_addr}\0")
            mta.command(b"R", b"<reply+x@reply.example.com>\0")
    wait_until(lambda: len(milter.daemon.workers()) == 1, 5, "the worker is back")
    assert is_served(milter, tries=5)


def _packet(call: bytes) -> tuple[bytes, bytes]:
    """Command and data. A macro has a value, see above."""
    letter, arguments = call[:1], call[1:].split(b"\0")
    return letter, b"\0".join([b"R" + arguments[0], arguments[-1]] if letter == b"D" else arguments) + b"\0"


def test_any_stream_of_calls_harms_nobody(milter: Milter) -> None:
    """Plays the calls of the fuzz target ``milter`` through libmilter itself, without waiting for answers."""
    target = load("milter")
    seeds = list(target.seeds().values())
    before = Footprint(milter)

    @settings(max_examples=STREAMS, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.one_of(st.sampled_from([*target.words, *seeds]), st.binary(max_size=40)), max_size=20))
    def harms_nobody(pieces: list[bytes]) -> None:
        with Peer(milter) as peer:
            mta = peer.connect(negotiate=False)
            mta.socket.settimeout(0.01)
            with contextlib.suppress(OSError):
                for call in filter(None, b"".join(pieces).split(b"\n")):
                    mta.send(*_packet(call.replace(b"\x1f", b"\n")))

    with Bystander(milter) as other:
        harms_nobody()
        assert was_taken(other.finishes())
    assert is_served(milter)
    before.comes_back()
