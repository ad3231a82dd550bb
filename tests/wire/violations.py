"""Ways to break the milter protocol: packets, negotiation, order, arguments."""

import contextlib
import os
import struct
import time

from tests.wire.hostile_peer import Peer
from tests.wire.milter_alone import DOMAIN
from tests.wire.milter_client import CONTINUE, REPLYCODE

LONG = bool(os.environ.get("REPLY_MILTER_LONG"))


SILENT = 4000 if LONG else 400


IMPATIENT = 0.2  # seconds, where libmilter passes a step over that is out of order, and says nothing


def garbage_first(peer: Peer) -> None:
    peer.says(b"EHLO I am an SMTP client\r\n\r\n" * 20, negotiate=False)


def http_request(peer: Peer) -> None:
    peer.says(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", negotiate=False)


def nothing(peer: Peer) -> None:
    peer.connect(negotiate=False)


def one_octet_of_a_length(peer: Peer) -> None:
    peer.says(b"\0")


def half_a_packet(peer: Peer) -> None:
    peer.says(struct.pack("!I", 100) + b"M<a")


def empty_packet(peer: Peer) -> None:
    peer.says(struct.pack("!I", 0))


def packet_without_data(peer: Peer) -> None:
    for letter in (b"C", b"M", b"R", b"L", b"D"):
        mta = peer.connect()
        mta.send(letter)


def packet_of_2_gigabytes(peer: Peer) -> None:
    peer.says(struct.pack("!I", 0x7FFFFFFF) + b"M")


def packet_of_4_gigabytes(peer: Peer) -> None:
    peer.says(struct.pack("!I", 0xFFFFFFFF) + b"M")


def unknown_commands(peer: Peer) -> None:
    for letter in (b"\0", b"\xff", b"z", b"X"):
        peer.connect().send(letter, b"data\0")


def octet_by_octet(peer: Peer) -> None:
    """A whole message, each octet in a write of its own: slow, and no violation."""
    mta, minted = peer.is_in_a_message()
    for packet in (b"LFrom\0alice@client.example\0", f"LIn-Reply-To\0<{minted.message_id}>\0".encode(), b"E"):
        for octet in struct.pack("!I", len(packet)) + packet:
            mta.socket.sendall(bytes([octet]))
    answer = b""
    while not answer.startswith(CONTINUE):
        answer, _ = mta.receive()


def many_that_say_nothing(peer: Peer) -> None:
    for _ in range(SILENT):
        peer.connect(negotiate=False)


def many_that_say_nothing_more(peer: Peer) -> None:
    for _ in range(SILENT // 4):
        peer.connect().connect()


def versions_that_do_not_exist(peer: Peer) -> None:
    for version in (0, 1, 7, 0xFFFFFFFF):
        peer.negotiates(version=version)


def an_mta_that_can_do_nothing(peer: Peer) -> None:
    peer.negotiates(actions=0, steps=0)


def bits_that_nobody_knows(peer: Peer) -> None:
    peer.negotiates(actions=0xFFFFFFFF, steps=0xFFFFFFFF)


def short_negotiation(peer: Peer) -> None:
    for length in (0, 1, 4, 11):
        peer.connect(negotiate=False).send(b"O", b"\0" * length)


def negotiation_with_a_tail(peer: Peer) -> None:
    for tail in (b"\0", struct.pack("!I", 1) + b"i {rcpt_addr}\0", b"\xff" * 3000):
        peer.negotiates(more=tail)


def second_negotiation(peer: Peer) -> None:
    mta, _ = peer.is_in_a_message()
    mta.send(b"O", struct.pack("!III", 6, 0, 0))


def rcpt_without_mail(peer: Peer) -> None:
    mta = peer.connect()
    mta.connect()
    mta.socket.settimeout(IMPATIENT)
    with contextlib.suppress(TimeoutError, ConnectionError):
        assert mta.rcpt(f"<reply+x@{DOMAIN}>", f"reply+x@{DOMAIN}").code == REPLYCODE


def mail_before_connect(peer: Peer) -> None:
    """Judged as a client without an address."""
    mta = peer.connect()
    mta.mail()
    assert mta.rcpt(f"<reply+x@{DOMAIN}>", f"reply+x@{DOMAIN}").text.startswith("550 5.7.1")
    assert mta.end_of_message().code == CONTINUE


def two_mails(peer: Peer) -> None:
    mta = peer.connect()
    mta.connect()
    mta.mail()
    mta.mail()
    mta.rcpt("<bob@example.com>", "bob@example.com")


def two_connects(peer: Peer) -> None:
    mta = peer.connect()
    mta.connect("192.0.2.1")
    mta.send(b"C", b"other.example\x004\0\x19198.51.100.1\0")


def content_without_an_envelope(peer: Peer) -> None:
    for letter in (b"L", b"B", b"E", b"A", b"N", b"T", b"H", b"U"):
        for negotiate in (True, False):
            peer.connect(negotiate=negotiate).send(letter, b"X\0y\0")


def end_twice(peer: Peer) -> None:
    mta, _ = peer.is_in_a_message()
    mta.end_of_message()
    mta.send(b"E")


def body_before_header(peer: Peer) -> None:
    mta, _ = peer.is_in_a_message()
    mta.body(b"hello")
    mta.send(b"L", b"From\0alice@client.example\0")


def steps_that_were_not_wanted(peer: Peer) -> None:
    mta = peer.connect()
    for letter in (b"H", b"T", b"N", b"U"):
        mta.send(letter, b"x\0")


def hundreds_of_aborts(peer: Peer) -> None:
    mta = peer.connect()
    mta.connect()
    for _ in range(500):
        mta.mail()
        mta.abort()
        mta.abort()


def hung_up_on_in_the_middle(peer: Peer) -> None:
    for letter in (b"Q", b"K"):
        mta, _ = peer.is_in_a_message()
        mta.send(letter)


def connection_used_again(peer: Peer) -> None:
    """QUIT_NC: the next client of the MTA on the same connection. Nothing of the last one is left."""
    mta, _ = peer.is_in_a_message()
    mta.send(b"K")
    mta.connect("198.51.100.1")
    mta.mail()
    assert mta.rcpt("<bob@example.com>", "bob@example.com").code == CONTINUE
    assert mta.end_of_message().edits == []


def header_of_70000_octets(peer: Peer) -> None:
    """More than libmilter takes in a packet."""
    mta, _ = peer.is_in_a_message()
    with contextlib.suppress(ConnectionError):
        mta.header("X-Large", "x" * 70_000)
        mta.end_of_message()


def header_of_65000_octets(peer: Peer) -> None:
    """As much as it takes; Postfix sends no more than 60,000."""
    mta, minted = peer.is_in_a_message()
    mta.header("References", "<a@b>\n\t" * 9000 + f"<{minted.message_id}>")
    assert mta.header("From", "(" * 65_000).code == CONTINUE
    assert mta.end_of_message().text.startswith("550 5.7.1")


def headers_without_end(peer: Peer) -> None:
    mta, _ = peer.is_in_a_message()
    for _ in range(5000):
        mta.header("X-Reply-Verdict", "v=1; result=pass")
    assert mta.end_of_message().text.startswith("550 5.7.1 A reply needs one From")


def header_of_nuls(peer: Peer) -> None:
    mta, _ = peer.is_in_a_message()
    with contextlib.suppress(ConnectionError):
        for data in (b"\0\0", b"X\0a\0b\0c\0", b"X\0", b"\0" * 60_000):
            mta.send(b"L", data)


def header_without_value(peer: Peer) -> None:
    mta, _ = peer.is_in_a_message()
    mta.send(b"L", b"X-Nothing")


def header_name_of_non_utf8(peer: Peer) -> None:
    mta, _ = peer.is_in_a_message(steps=0)
    mta.command(b"L", b"X-\xff\xfe\0value\0")


def rcpt_of_non_utf8(peer: Peer) -> None:
    mta = peer.connect()
    mta.connect()
    mta.mail()
    assert mta.rcpt(b"<reply+\xff\xfe@reply.example.com>", "reply+?@reply.example.com").text.startswith("550 5.1.3")


def rcpt_of_many_arguments(peer: Peer) -> None:
    mta = peer.connect()
    mta.connect()
    mta.mail()
    assert mta.rcpt(f"<reply+x@{DOMAIN}>\0" + "A=B\0" * 10_000, f"reply+x@{DOMAIN}").text.startswith("550")


def rcpt_of_60000_octets(peer: Peer) -> None:
    mta = peer.connect()
    mta.connect()
    mta.mail()
    for argument in ("<" * 60_000, f"<reply+{'a' * 60_000}@{DOMAIN}>", f"<{'@a,' * 20_000}:x@{DOMAIN}>", "(" * 60_000):
        assert mta.rcpt(argument, f"reply+x@{DOMAIN}").code == REPLYCODE


def argument_without_its_nul(peer: Peer) -> None:
    for letter, data in ((b"M", b"<a@b>"), (b"R", b"<a@b>"), (b"C", b"client.example"), (b"C", b"client\x004\0")):
        peer.connect().send(letter, data)


def client_of_no_known_family(peer: Peer) -> None:
    for data in (
        b"x\0U\0",
        b"x\0Z\0\x19nowhere\0",
        b"x\x006\0\x19no address\0",
        b"x\0L\0\0/a/socket\0",
        b"x\x004\0\x19999.1.1.1\0",
    ):
        mta = peer.connect()
        mta.send(b"C", data)
        with contextlib.suppress(ConnectionError):
            mta.send(b"M", b"<a@b>\0")


def answers_that_nobody_reads(peer: Peer) -> None:
    """Until neither side's buffers take more; the peer reads nothing of it."""
    for command in (b"Hx\0", b"R<a@b>\0"):
        mta = peer.connect()
        mta.connect()
        mta.mail()
        mta.socket.setblocking(False)
        unsent, idle = (struct.pack("!I", len(command)) + command) * 300_000, 0
        while unsent and idle < 5:
            try:
                unsent, idle = unsent[mta.socket.send(unsent[: 1 << 16]) :], 0
            except BlockingIOError:
                idle += 1
                time.sleep(0.02)


def macros_of_megabytes(peer: Peer) -> None:
    mta, _ = peer.is_in_a_message()
    with contextlib.suppress(ConnectionError):
        mta.macros(b"E", i="x" * (4 << 20))
        mta.end_of_message()


def thousands_of_macros(peer: Peer) -> None:
    mta, _ = peer.is_in_a_message()
    for _ in range(200):
        mta.macros(b"E", **{f"macro{number}": "x" * 40 for number in range(900)})
    assert mta.end_of_message("x" * 60_000).text.startswith("550")


def macros_without_values(peer: Peer) -> None:
    for data in (b"R", b"R{rcpt_addr}", b"R\0\0", b"", b"\xff{x}\0y\0"):
        mta = peer.connect()
        mta.connect()
        mta.mail()
        mta.send(b"D", data)
        mta.socket.settimeout(IMPATIENT)
        with contextlib.suppress(TimeoutError, ConnectionError):
            mta.command(b"R", b"<reply+x@reply.example.com>\0")


def macros_of_non_utf8(peer: Peer) -> None:
    mta = peer.connect()
    mta.connect()
    mta.mail()
    assert mta.rcpt("<postmaster@example.com>", "postmaster+\udcff@example.com", "sm\udcfftp").code == CONTINUE
    assert mta.rcpt("<reply+x@reply.example.com>", "reply+\udcff@reply.example.com").text.startswith("550")
    assert mta.end_of_message("4B\udcffc").code == CONTINUE


def body_of_nuls(peer: Peer) -> None:
    mta, _ = peer.is_in_a_message()
    for _ in range(50):
        mta.body(b"\0" * 65_000)
    assert mta.end_of_message().text.startswith("550")
