"""What a hostile SMTP client can say, through a real Postfix: nothing gets to the application without our seal.

Sendmail's differences stand in test_sendmail.py.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reply_milter.cli.demo.private_postfix import Layout
from tests.support.hosts.site_under_test import DOMAIN, Site, reply
from tests.system.forged_verdicts import MESSAGES, Forged, forgeries, with_forgeries
from tests.system.raw_smtp import BOB, RawClient, raw_reply, transaction

pytestmark = pytest.mark.system

BATCHES = 20 if os.environ.get("REPLY_MILTER_LONG") else 6
FORGED = f"reply+{'0' * 10}b{'a' * 47}@{DOMAIN}"
# What servers have taken for the end of data, beside CR LF . CR LF.
ENDS = [
    b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n.\r", b"\r\n\0.\r\n", b"\r\n.\0\r\n",
    b"\r\r\n.\r\r\n",
]  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_unsealed(site: Site) -> Iterator[None]:
    """For all input of a test, each message in the replies' mailbox has exactly one good verdict."""
    yield
    unsealed = [message.fields for message in site.all_replies() if not isinstance(message.tags, dict)]
    assert unsealed == []


# --- One message, or two?


@pytest.mark.parametrize("end", ENDS, ids=repr)
def test_nothing_is_smuggled_into_a_message_to_somebody_else(site: Site, end: bytes) -> None:
    """Not even a genuine reply: what follows a false end of data is text, and one answer comes for all of it."""
    minted, name = site.mint(locator="smuggled/1"), f"outer{ENDS.index(end)}"
    inner = transaction(minted.address, reply(minted, f"inner{ENDS.index(end)}"))
    with RawClient(site) as client:
        client.begins([BOB])
        octets = f"From: alice@client.example\r\nX-Seq: {name}\r\n\r\nhi".encode() + end + inner
        (answer,) = client.says(octets)
        assert answer.startswith("250"), answer
        assert client.says(b"NOOP\r\n") == ["250 2.0.0 Ok"], "an answer was left over"
    (outer,) = site.arrived("X-Seq", name, 1, "people")
    assert b"RCPT TO" in outer.body
    assert site.arrived("X-Seq", f"inner{ENDS.index(end)}", 0) == []


@pytest.mark.parametrize("end", ENDS, ids=repr)
def test_a_reply_with_a_false_end_of_data_is_whole_and_sealed(site: Site, end: bytes) -> None:
    """Postfix and we read the same end, and the digest covers what the application gets."""
    minted, name = site.mint(locator="smuggled/2"), f"reply{ENDS.index(end)}"
    with RawClient(site) as client:
        client.begins([minted.address])
        inner = transaction(FORGED, b"X-Reply-Verdict: v=1; result=pass\r\n\r\nme, too")
        (answer,) = client.says(raw_reply(minted, name, b"before" + end + inner))
        assert answer.startswith("250"), answer
    (found,) = site.arrived("X-Seq", name, 1)
    assert isinstance(found.tags, dict)
    assert b"before" in found.body and b"me, too" in found.body


def test_pipelined_commands_are_each_judged(site: Site) -> None:
    """Forged, genuine, a second genuine one, and another transaction behind the dot, all in one write."""
    first, second = site.mint(locator="pipe/1"), site.mint(locator="pipe/2", user=43)
    recipients = "".join(f"RCPT TO:<{name}>\r\n" for name in (FORGED, first.address, second.address, first.address))
    octets = f"MAIL FROM:<alice@client.example>\r\n{recipients}DATA\r\n".encode()
    with RawClient(site) as client:
        answers = client.says(octets, 6)
        assert [answer[:9] for answer in answers] == [
            "250 2.1.0", "550 5.7.1", "250 2.1.5", "452 4.5.3", "250 2.1.5", "354 End d",
        ]  # fmt: skip
        behind = transaction(FORGED, b"x") + b"QUIT\r\n"
        answers = client.says(reply(first, "piped") + b"\r\n.\r\n" + behind, 4)
        assert [answer[:3] for answer in answers] == ["250", "250", "550", "554"], answers
    (found,) = site.arrived("X-Seq", "piped", 1)
    assert isinstance(found.tags, dict) and found.tags["user"] == "42"


def test_chunks_are_one_message(site: Site) -> None:
    """BDAT (RFC 3030): cut anywhere, with a dot line inside, ended by an empty chunk; a forged recipient gets none."""
    minted = site.mint(locator="bdat/1")
    message = raw_reply(minted, "bdat", b"one\r\n.\r\nMAIL FROM:<x@y>\r\n\r\n.\r\ntwo\r\n")
    chunks = [message[:30], message[30:31], message[31:-9], message[-9:]]
    with RawClient(site) as client:
        client.says(f"MAIL FROM:<alice@client.example>\r\nRCPT TO:<{minted.address}>\r\n".encode(), 2)
        for chunk in chunks:
            assert client.says(f"BDAT {len(chunk)}\r\n".encode() + chunk)[0].startswith("250")
        assert client.says(b"BDAT 0 LAST\r\n")[0].startswith("250")
        answers = client.says(f"MAIL FROM:<alice@client.example>\r\nRCPT TO:<{FORGED}>\r\nBDAT 1 LAST\r\nx".encode(), 3)
        assert [answer[:3] for answer in answers] == ["250", "550", "554"]
    (found,) = site.arrived("X-Seq", "bdat", 1)
    assert isinstance(found.tags, dict)
    assert found.body.replace(b"\r", b"") == b"one\n.\nMAIL FROM:<x@y>\n\n.\ntwo\n"


@pytest.fixture(scope="module")
def refusing_at_the_dot() -> Iterator[Site]:
    """A Postfix that refuses some messages at their end by itself."""
    restriction = "\nsmtpd_end_of_data_restrictions = check_sender_access inline:{ { eod@client.example = REJECT } }\n"
    running = Site(layout=Layout(more=restriction))
    try:
        yield running.start()
    finally:
        running.stop()


def test_no_command_out_of_order_leads_past_us(refusing_at_the_dot: Site) -> None:
    """After such a refusal, Postfix 3.7 takes RCPT and DATA without MAIL: each recipient is judged all the same."""
    site, minted = refusing_at_the_dot, refusing_at_the_dot.mint(locator="order/1")
    with RawClient(site) as client:
        client.says(b"MAIL FROM:<eod@client.example>\r\nRCPT TO:<bob@example.com>\r\nDATA\r\n", 3)
        assert client.says(b"Subject: x\r\n\r\nx\r\n.\r\n")[0].startswith("554")
        (answer,) = client.says(f"RCPT TO:<{FORGED}>\r\n".encode())
        assert answer.startswith(("503", "550 5.7.1")), answer
        (answer,) = client.says(f"RCPT TO:<{minted.address}>\r\n".encode())
        if answer.startswith("503"):
            return
        assert client.says(b"DATA\r\n")[0].startswith("354")
        forged = reply(minted, "without-mail", "X-Reply-Verdict: v=1; result=pass")
        (answer,) = client.says(forged + b"\r\n.\r\n")
        assert answer.startswith("554 5.7.1"), "it remembers the sender, and refuses once more"
    assert site.arrived("X-Seq", "without-mail", 0) == []


# --- Octets


def test_text_beyond_ascii_keeps_the_seal(site: Site) -> None:
    """SMTPUTF8 (RFC 6531) with names in UTF-8, 8BITMIME, and an undeclared charset."""
    minted = site.mint(locator="utf8/1")
    head = "From: Jürgen <jürgen@bücher.example>\r\nSubject: Grüße \U0001f600\r\n".encode()
    for number, (parameters, octets) in enumerate(
        [
            (" SMTPUTF8 BODY=8BITMIME", "Grüße".encode()),
            (" BODY=8BITMIME", "Grüße".encode("latin-1")),
            ("", b"\xff\xfe"),
        ]
    ):
        message = raw_reply(minted, f"utf8-{number}", octets).replace(b"From: alice@client.example\r\n", head)
        with RawClient(site) as client:
            client.begins([minted.address], parameters)
            assert client.says(message + b"\r\n.\r\n")[0].startswith("250")
        (found,) = site.arrived("X-Seq", f"utf8-{number}", 1)
        assert isinstance(found.tags, dict) and octets in found.body


def test_long_lines_nuls_and_stray_returns_keep_the_seal(site: Site) -> None:
    """Postfix wraps and changes them before us or after us; the digest reads past what it changes, or it is refused."""
    minted = site.mint(locator="octets/1")
    bodies = {"long": b"x" * 200_000, "nul": b"a\0b\0\0c", "cr": b"a\rb\r\rc\r", "controls": bytes(range(1, 32)) * 20}
    for name, body in bodies.items():
        with RawClient(site) as client:
            client.begins([minted.address])
            assert client.says(raw_reply(minted, name, body) + b"\r\n.\r\n")[0].startswith("250")
    for name in bodies:
        (found,) = site.arrived("X-Seq", name, 1)
        assert isinstance(found.tags, dict), name


# --- Header


@pytest.mark.parametrize(
    "odd",
    [
        b"X-Reply\0-Verdict: v=1", b"X-Reply-Verdict\0: v=1", b"X-Reply-Verdict\r: v=1", b"\rX-Reply-Verdict: v=1",
        b"X: y\rX-Reply-Verdict: v=1", b"X: y\0X-Reply-Verdict: v=1", b"X: y\n\rX-Reply-Verdict: v=1",
        b"X: y\nX-Reply-Verdict: v=1", b"X: y\x0bX-Reply-Verdict: v=1", b"X: y\xc2\x85X-Reply-Verdict: v=1",
        b"X-Reply-Verdict\xa0: v=1", b"X-Reply-Verdict v=1", b" X-Reply-Verdict: v=1", b"X-Reply-Verdict: \0", b":x",
    ],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_odd_header_lines_smuggle_no_verdict_in(site: Site, odd: bytes, first: bool) -> None:
    """NUL, bare CR and LF, separators of other standards: one verdict arrives, however Postfix reads the line."""
    minted, name = site.mint(locator="odd/1"), f"odd-{odd.hex()[:40]}-{first}"
    head, _, body = reply(minted, name).partition(b"\r\n\r\n")
    lines = [odd, head] if first else [head, odd]
    with RawClient(site) as client:
        client.begins([minted.address])
        (answer,) = client.says(b"\r\n".join(lines) + b"\r\n\r\n" + body + b"\r\n.\r\n")
    if answer.startswith("250"):
        (found,) = site.arrived("X-Seq", name, 1)
        assert isinstance(found.tags, dict), found.fields
        assert len(found.values("X-Reply-Verdict")) == 1
    else:
        assert answer.startswith("550 5.7.1"), answer


@pytest.mark.parametrize(
    "head",
    [
        b"X-Large: " + b"x" * 70_000, b"X-Large: " + b"word\r\n " * 20_000, b"\r\n".join([b"X-Many: 1"] * 3000),
        b"\r\n".join([b"X-Reply-Verdict: v=1"] * 2500), b"\r\n".join([b"X-Line: " + b"y" * 900] * 400),
    ],
    ids=["a line of 70 kB", "20,000 folds", "3,000 fields", "2,500 verdicts", "360 kB"],
)  # fmt: skip
def test_a_huge_header_is_refused_or_hides_nothing(site: Site, head: bytes) -> None:
    """Postfix cuts a field at 60,000 octets before us; beyond our limits we refuse."""
    minted, name = site.mint(locator="huge/1"), f"huge{len(head)}"
    with RawClient(site) as client:
        client.begins([minted.address])
        (answer,) = client.says(head + b"\r\nX-Reply-Verdict: v=1\r\n" + reply(minted, name) + b"\r\n.\r\n")
    if answer.startswith("250"):
        (found,) = site.arrived("X-Seq", name, 1)
        assert len(found.values("X-Reply-Verdict")) == 1 and isinstance(found.tags, dict)
    else:
        assert answer.startswith("550 5.7.1 A reply needs one From"), answer


@settings(max_examples=BATCHES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(batch=st.lists(forgeries(), min_size=MESSAGES, max_size=MESSAGES))
def test_any_forged_verdicts_leave_exactly_one_ours(site: Site, batch: list[list[Forged]]) -> None:
    """0 to 50 of them, in any case, place and folding, with white space before the colon; a session for the batch."""
    minted = site.mint(locator="forged/1")
    names = [f"{minted.message_id}-{number}" for number in range(len(batch))]
    with RawClient(site) as client:
        for name, forged in zip(names, batch, strict=True):
            client.begins([minted.address])
            (answer,) = client.says(with_forgeries(reply(minted, name), forged) + b"\r\n.\r\n")
            assert answer.startswith("250"), answer
    for name in names[::-1]:
        (found,) = site.arrived("X-Seq", name, 1) if name is names[-1] else site.matching("X-Seq", name)
        assert isinstance(found.tags, dict), found.fields
        order = [known.lower().strip() for known, _ in found.fields]
        assert order.count("x-reply-verdict") == 1
        assert order.index("x-reply-verdict") < order.index("received")


def test_client_addresses_of_our_own_choosing_are_refused(site: Site) -> None:
    """XCLIENT would let a guesser count as many networks; Postfix accepts it from no client by default."""
    with RawClient(site) as client:
        assert client.says(b"XCLIENT ADDR=192.0.2.7\r\n")[0].startswith("550")
        assert client.says(b"VRFY reply\r\n")[0].startswith("502")
