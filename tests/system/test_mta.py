"""What only a real MTA shows: header edits, local submission, peers, layouts, and a milter that is down."""

import re
import time
from collections.abc import Iterator

import pytest

from reply_milter.adapters.redis_store import RedisRegistry
from reply_milter.cli.demo.private_postfix import Layout
from reply_milter.core.seal.verdict_header import SealProblem
from reply_milter.wiring.stores import store_url
from tests.support.hosts.site_under_test import Site, reply
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port

pytestmark = pytest.mark.system


@pytest.mark.parametrize("count", [0, 1, 2, 5, 50])
def test_forged_verdicts_leave_exactly_one_ours_on_top(site: Site, count: int) -> None:
    """In any case and place; ours is the first field but for those that the MTA itself prepends on delivery."""
    names = ["X-Reply-Verdict", "x-reply-verdict", "X-REPLY-VERDICT", "X-Reply-verdict"]
    forged = [f"{names[number % 4]}: v=1; user={number}; result=pass" for number in range(count)]
    minted = site.mint(locator="headers/1")
    assert site.send([f"<{minted.address}>"], reply(minted, f"forged{count}", *forged)).startswith("250")
    (found,) = site.arrived("X-Seq", f"forged{count}", 1)
    assert isinstance(found.tags, dict), found.fields
    order = [name.lower() for name, _ in found.fields]
    assert order.count("x-reply-verdict") == 1
    assert order.index("x-reply-verdict") < order.index("received")


def test_long_lines_and_8_bit_text_keep_the_seal(site: Site) -> None:
    """Postfix wraps a line of 3,000 octets on the way; the body digest ignores white space, so the seal holds."""
    minted = site.mint(locator="body/1")
    body = "x" * 3000 + "\r\n" + "Grüße \x85 and\ttabs \r\n.\r\n"
    body = body.replace("\r\n.\r\n", "\r\n..\r\n")
    assert site.send([f"<{minted.address}>"], reply(minted, "long", body=body)).startswith("250")
    (found,) = site.arrived("X-Seq", "long", 1)
    assert isinstance(found.tags, dict), found.tags


def test_local_submission_is_judged_at_the_end(site_with_non_smtpd: Site) -> None:
    """sendmail(1): a refusal at RCPT would wedge the message, so it waits; the author gets the message back."""
    site = site_with_non_smtpd
    forged = b"From: bob@example.com\nSubject: hi\nX-Seq: local-forged\n\nHello\n"
    site.postfix.sendmail(["-f", "bob@example.com", "reply+junk@reply.example.com"], forged)
    wait_until(lambda: "END-OF-MESSAGE" in site.postfix.log(), 10, "the refusal in the log")
    assert "5.7.1 This reply address is not valid" in site.postfix.log()
    minted = site.mint(locator="local/1")
    site.postfix.sendmail(["-f", "alice@client.example", minted.address], reply(minted, "local").replace(b"\r", b""))
    (found,) = site.arrived("X-Seq", "local", 1)
    assert isinstance(found.tags, dict), found.tags
    assert not site.postfix.queue()


def test_a_local_refusal_is_one_whole_line(site_with_non_smtpd: Site) -> None:
    """Queue id, token id, handler, and the details of the reason, although RCPT could not be refused."""
    site = site_with_non_smtpd
    expired = site.mint(days_ago=100, locator="local/4")
    site.postfix.sendmail(["-f", "ann@example.com", expired.address], reply(expired, "old").replace(b"\r", b""))

    def told() -> list[str]:
        return [line for line in site.daemon.log().splitlines() if "reason=expired" in line and "stage=eom" in line]

    wait_until(lambda: bool(told()), 10, "the refusal is told")
    found = re.search(r" queue=(\w+) token=[a-z2-7]{13} verdict=reject .*handler=issue", told()[0])
    assert found
    assert f"{found[1]}: milter-reject: END-OF-MESSAGE" in site.postfix.log()


def test_local_submission_to_people_is_not_harmed(site_with_non_smtpd: Site) -> None:
    """A refused reply recipient beside a person: it is taken off, and the person gets the mail."""
    site = site_with_non_smtpd
    message = b"From: bob@example.com\nX-Seq: local-mixed\n\nHello\n"
    site.postfix.sendmail(["-f", "bob@example.com", "ann@example.com", "reply+junk@reply.example.com"], message)
    (found,) = site.arrived("X-Seq", "local-mixed", 1, "people")
    assert not found.values("X-Reply-Verdict")


@pytest.mark.parametrize(
    "spelling", ["@relay.example:reply+junk{n}@reply.example.com", "reply+junk{n}@reply.example.com."]
)
def test_a_local_misspelling_beside_a_person_never_gets_a_seal(site_with_non_smtpd: Site, spelling: str) -> None:
    """Postfix shows us its own spelling and takes off only what has the author's: it is delivered, unverified."""
    site, name = site_with_non_smtpd, f"local-{len(spelling)}"
    message = f"From: bob@example.com\nX-Seq: {name}\nX-Reply-Verdict: v=1; result=pass; user=1\n\nHello\n".encode()
    recipient = spelling.format(n=len(spelling))
    site.postfix.sendmail(["-f", "bob@example.com", "ann@example.com", recipient], message)
    site.arrived("X-Seq", name, 1, "people")
    assert all(isinstance(message.tags, SealProblem) for message in site.arrived("X-Seq", name, 0))


def test_two_reply_recipients_of_a_local_submission_are_refused_for_good(site_with_non_smtpd: Site) -> None:
    """A 452 would keep the message in maildrop for ever; the author gets it back instead."""
    site = site_with_non_smtpd
    first, second = site.mint(user=1, locator="local/2"), site.mint(user=2, locator="local/3")
    site.postfix.sendmail(
        ["-f", "ann@example.com", first.address, second.address], reply(first, "two").replace(b"\r", b"")
    )
    wait_until(lambda: "5.5.3 Only one reply address per message" in site.postfix.log(), 10, "the refusal")
    wait_until(lambda: not list((site.postfix.folder / "spool/maildrop").iterdir()), 10, "an empty maildrop")
    assert site.arrived("X-Seq", "two", 0) == []


@pytest.fixture(scope="module")
def site_with_non_smtpd() -> Iterator[Site]:
    """A host where local submissions pass the milter, too."""
    running = Site(layout=Layout(more="\nnon_smtpd_milters = $reply_milter\n"))
    try:
        yield running.start()
    finally:
        running.stop()


@pytest.fixture(scope="module")
def peer() -> Iterator[Site]:
    """A host that takes loopback for a peer."""
    running = Site({r"peers = \[\]": 'peers = ["127.0.0.0/8"]'})
    try:
        yield running.start()
    finally:
        running.stop()


def test_sealed_mail_from_a_peer_passes_as_it_is(peer: Site) -> None:
    """What a backup MX took and sealed is not claimed again: the same verdict arrives, unchanged."""
    minted = peer.mint(locator="peer/1")
    assert peer.send([f"<{minted.address}>"], reply(minted, "peer")).startswith("250")
    (first,) = peer.arrived("X-Seq", "peer", 1)
    peer.settled(minted, 1)
    (verdict,) = first.values("X-Reply-Verdict")
    again = reply(minted, "peer", f"X-Reply-Verdict: {verdict}".replace("\n", "\r\n"), "X-Round: two")
    assert peer.send([f"<{minted.address}>"], again).startswith("250")
    found = peer.arrived("X-Round", "two", 1)
    assert [message.values("X-Reply-Verdict") for message in found] == [[verdict]]


def test_a_peers_seal_opens_nothing_that_is_revoked(peer: Site) -> None:
    """Of one message that was taken and sealed, three copies by the peer: as it was, revoked meanwhile, and revoked."""
    minted = peer.mint(locator="peer/4", days_ago=1, user=904)
    assert peer.send([f"<{minted.address}>"], reply(minted, "peer4")).startswith("250")
    (first,) = peer.arrived("X-Seq", "peer4", 1)
    (verdict,) = first.values("X-Reply-Verdict")
    copy = reply(minted, "peer4", f"X-Reply-Verdict: {verdict}".replace("\n", "\r\n"))
    assert peer.send([f"<{minted.address}>"], copy).startswith("250")
    registry = RedisRegistry(store_url(peer.settings.config), 2.0, peer.settings.config.realm)
    with peer.client() as client:
        client.docmd("MAIL FROM:<alice@client.example>")
        assert client.docmd(f"RCPT TO:<{minted.address}>")[0] == 250
        registry.revoke_user(904, int(time.time()), int(time.time()) + 86400)
        code, text = client.data(copy)
        assert (code, text.startswith(b"5.7.1 This reply address is not valid")) == (550, True)
    assert peer.send([f"<{minted.address}>"], copy).startswith("550 5.7.1 This reply address is not valid")
    assert len(peer.arrived("X-Seq", "peer4", 2)) == 2


def test_a_seal_does_not_excuse_another_body_or_address(peer: Site) -> None:
    """From a peer, too: a verdict for other words or another token is a foreign one."""
    minted, other = peer.mint(locator="peer/2"), peer.mint(locator="peer/3")
    assert peer.send([f"<{minted.address}>"], reply(minted, "peer2")).startswith("250")
    (first,) = peer.arrived("X-Seq", "peer2", 1)
    peer.settled(minted, 1)
    (verdict,) = first.values("X-Reply-Verdict")
    sealed = f"X-Reply-Verdict: {verdict}".replace("\n", "\r\n")
    changed = peer.send([f"<{minted.address}>"], reply(minted, "peer2", sealed, body="No."))
    assert changed.startswith("550 5.7.1 This message was already received"), changed
    moved = peer.send([f"<{other.address}>"], reply(minted, "peer2", sealed))
    assert moved.startswith("550 5.7.1"), moved


def test_observe_mode_refuses_nothing_and_says_what_it_would_do(observing_site: Site) -> None:
    """Forged, expired and replayed mail passes, with would= under a seal; a forged one names no user."""
    site = observing_site
    old = site.mint(locator="observe/1", days_ago=100)
    assert site.send([f"<{old.address}>"], reply(old, "old")).startswith("250")
    (found,) = site.arrived("X-Seq", "old", 1)
    assert isinstance(found.tags, dict)
    assert (found.tags["reason"], found.tags["would"], found.tags["user"]) == ("expired", "reject", "42")
    forged = "<reply+" + "0" * 10 + "b" + "a" * 47 + "@reply.example.com>"
    assert site.send([forged], reply(old, "forged")).startswith("250")
    (found,) = site.arrived("X-Seq", "forged", 1)
    assert isinstance(found.tags, dict)
    assert (found.tags["reason"], found.tags["would"]) == ("forged", "reject")
    assert not {"user", "id", "handler", "context"} & set(found.tags)


@pytest.mark.parametrize("count,left", [(50, 1), (1999, 1), (2001, 2001)])
def test_observe_mode_takes_all_forged_verdicts_off_or_none(observing_site: Site, count: int, left: int) -> None:
    """Beyond the bound none of ours is among them, so no hook takes any for one."""
    site = observing_site
    minted = site.mint(locator="observe/3")
    forged = ["X-Reply-Verdict: v=1; result=pass"] * count
    assert site.send([f"<{minted.address}>"], reply(minted, f"flood{count}", *forged)).startswith("250")
    (found,) = site.arrived("X-Seq", f"flood{count}", 1)
    assert len(found.values("X-Reply-Verdict")) == left
    if left == 1:
        assert isinstance(found.tags, dict)
        assert found.tags.get("would") == (None if count == 50 else "reject")
    else:
        assert isinstance(found.tags, SealProblem)


def test_observe_mode_leaves_what_enforce_would_leave(observing_site: Site) -> None:
    """What enforce refuses is not on record; what comes after it meets the same limit (two, for this handler)."""
    site = observing_site
    minted = site.mint("strict", locator="observe/2", recipient="alice@client.example")
    refused = reply(minted, "same").replace(b"From: alice", b"From: mallory").replace(b"X-Seq: same", b"X-Seq: eve")
    sent = [("eve", refused)] + [(name, reply(minted, name)) for name in ("same", "second", "third", "fourth")]
    told = {}
    for name, message in sent:
        assert site.send([f"<{minted.address}>"], message).startswith("250")
        (found,) = site.arrived("X-Seq", name, 1)
        assert isinstance(found.tags, dict)
        told[name] = [found.tags.get(tag) for tag in ("reason", "would", "replay")]
    assert told == {
        "eve": ["sender_mismatch", "reject", None],
        "same": ["ok", None, "first"],
        "second": ["ok", None, "first"],
        "third": ["spent", "reject", None],
        "fourth": ["spent", "reject", None],
    }
    site.settled(minted, 2)
    assert len([name for name in site.on_record(minted) if len(name) == 13]) == 2


@pytest.fixture(scope="module")
def own_smtpd() -> Iterator[Site]:
    """contrib/postfix's second layout: an smtpd of its own for the reply domain."""
    layout = Layout(
        main_cf=("reply-domain.main.cf", "own-smtpd.main.cf"),
        master_cf=("reply-delivery.master.cf", "own-smtpd.master.cf"),
        own_smtpd_port=free_port(),
    )
    running = Site(layout=layout)
    try:
        yield running.start()
    finally:
        running.stop()


def test_a_milter_that_is_down_defers_all_mail_of_its_smtpd(site: Site) -> None:
    """The shared layout's price: tempfail keeps replies safe, and people's mail waits with them."""
    site.daemon.stop()
    try:
        assert site.send(["<bob@example.com>"], b"Subject: x\r\n\r\nx\r\n").startswith("451 4.7.1")
        assert site.send(["<reply+x@reply.example.com>"], b"").startswith("451 4.7.1")
    finally:
        site.daemon.start()
    assert site.send(["<bob@example.com>"], b"Subject: x\r\n\r\nx\r\n").startswith("250")


def test_an_smtpd_of_its_own_keeps_other_mail_out_of_it(own_smtpd: Site) -> None:
    """The other layout: while the milter is down, only the reply domain's smtpd defers."""
    site = own_smtpd
    layout_port = int(site.postfix.own_smtpd_port)

    def at_own(recipient: str) -> str:
        with site.client(layout_port) as client:
            code, text = client.docmd("MAIL FROM:<alice@client.example>")
            if code == 250:
                code, text = client.docmd(f"RCPT TO:{recipient}")
            return f"{code} {text.decode()}"

    minted = site.mint(locator="layout/1")
    assert at_own(f"<{minted.address}>").startswith("250")
    assert at_own("<reply+junk@reply.example.com>").startswith("550 5.7.1")
    assert at_own("<bob@example.com>")[0] in "45", "it takes mail for nobody else"
    assert at_own("<bob@elsewhere.example>")[0] in "45", "and relays nothing"
    assert site.send([f"<{minted.address}>"], b"").startswith("554 5.7.1"), "the other smtpd would bypass us"
    assert site.send([f'<"{minted.address.split("@")[0]}"@reply.example.com.>'], b"").startswith("554 5.7.1")
    site.daemon.stop()
    try:
        assert at_own(f"<{minted.address}>").startswith("451 4.7.1")
        assert site.send(["<bob@example.com>"], b"Subject: x\r\n\r\nx\r\n").startswith("250")
    finally:
        site.daemon.start()
