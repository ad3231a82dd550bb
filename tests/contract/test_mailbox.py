"""A mailbox: the fake that unit tests use, and a real Dovecot with and without what servers may offer."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from reply_milter.adapters.imap.mailbox import ImapMailbox
from reply_milter.adapters.imap.token_endpoint import TokenSource
from reply_milter.adapters.os.host_names import HostNames
from reply_milter.core.fetching.account import Account, Grant, ImapAuth, PasswordFile, TokenEndpoint
from reply_milter.core.verdict.destination import Tls
from reply_milter.ports.mailbox import (
    UIDS_AT_ONCE,
    Capabilities,
    Mailbox,
    MailboxRefusedError,
    MailboxUnavailableError,
    Refusal,
    Removal,
)
from tests.support.fake_mailbox import ALL, FakeMailbox
from tests.support.hosts.dovecot import PASSWORD, USER, DovecotLayout, PrivateDovecot, dovecot
from tests.support.token_server import token_server

MESSAGE = b"From: a@example.com\r\nSubject: hello\r\n\r\nA body.\r\n"
ACCOUNT = Account(
    host="127.0.0.1",
    port=0,
    tls=Tls.NONE,
    user=USER,
    auth=ImapAuth.LOGIN,
    secret=PasswordFile("/nowhere"),
    mailbox="INBOX",
    processed="Replies/Processed",
    idle=True,
)


@dataclass
class Site:
    """A mailbox, how mail gets into it, and what is in one of its folders."""

    mailbox: Mailbox
    deliver: Callable[[bytes, int], None]
    inside: Callable[[str], list[bytes]]
    abilities: Capabilities


def account_at(server: PrivateDovecot, tls: Tls = Tls.NONE) -> Account:
    """The account of ``USER``."""
    return replace(ACCOUNT, port=server.tls_port if tls is Tls.IMPLICIT else server.port, tls=tls, user=server.user)


def at(server: PrivateDovecot, tls: Tls = Tls.NONE) -> ImapMailbox:
    """Its mailbox."""
    return ImapMailbox(account_at(server, tls), lambda: PASSWORD, HostNames(), 0.2)


def _fake(abilities: Capabilities) -> Site:
    fake = FakeMailbox(abilities)
    return Site(fake, fake.deliver, lambda name: list(fake.folders.get(name, ())), abilities)


WITHOUT = {
    "all": (ALL, ()),
    "no-move": (replace(ALL, move=False), ("MOVE",)),
    "no-uidplus": (replace(ALL, uidplus=False), ("UIDPLUS",)),
    "neither": (replace(ALL, move=False, uidplus=False), ("MOVE", "UIDPLUS")),
    "no-idle": (replace(ALL, idle=False), ("IDLE",)),
}
WAYS = {"starttls": Tls.STARTTLS, "implicit": Tls.IMPLICIT}
LAYOUTS = {
    "dots": DovecotLayout(divider=".", prefix="INBOX."),
    "no-namespace": DovecotLayout(divider=".", without=("NAMESPACE",)),
}


@pytest.fixture(scope="module")
def servers() -> Iterator[Callable[[DovecotLayout], PrivateDovecot]]:
    """A server per layout; it runs until the module's tests end."""
    running: dict[DovecotLayout, PrivateDovecot] = {}
    with ExitStack() as stack:

        def server(layout: DovecotLayout) -> PrivateDovecot:
            if layout not in running:
                running[layout] = stack.enter_context(dovecot(layout))
            return running[layout]

        yield server


@pytest.fixture(
    params=[
        *(f"{kind}-{name}" for kind in ("fake", "dovecot") for name in WITHOUT),
        *(f"dovecot-{name}" for name in LAYOUTS),
        *(f"dovecot-{name}" for name in WAYS),
    ]
)
def site(
    request: pytest.FixtureRequest,
    servers: Callable[[DovecotLayout], PrivateDovecot],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    """The fake, or a real server, without some capability, with other names, or encrypted."""
    kind, _, name = request.param.partition("-")
    abilities, without = WITHOUT.get(name, (ALL, ()))
    if kind == "fake":
        yield _fake(abilities)
        return
    server = servers(LAYOUTS.get(name, DovecotLayout(without=without)))
    server.user = f"{time.time_ns()}@example.com"
    monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
    box = at(server, WAYS.get(name, Tls.NONE))
    yield Site(box, server.deliver, server.messages, abilities)
    box.close()


def test_open_tells_what_is_there(site: Site) -> None:
    """UIDVALIDITY, the next UID, and what the server offers."""
    site.deliver(MESSAGE, 2)
    opened = site.mailbox.open()
    assert opened.uidvalidity > 0
    assert opened.uidnext == 3
    assert opened.capabilities == site.abilities


def test_an_empty_mailbox_has_no_uids(site: Site) -> None:
    """Nor above any UID: a server's ``N:*`` matches its last message, wherever N is."""
    site.mailbox.open()
    assert site.mailbox.uids_after(0) == ()
    site.deliver(MESSAGE, 1)
    assert site.mailbox.uids_after(0) in ((1,), ())  # a server may tell of it a moment later
    assert site.mailbox.uids_after(1) == ()
    assert site.mailbox.uids_after(4_000_000_000) == ()


def test_uids_come_in_pieces_and_ascend(site: Site) -> None:
    """The next piece begins behind the last."""
    site.deliver(b"Subject: x\r\n\r\n", UIDS_AT_ONCE + 5)
    site.mailbox.open()
    first = site.mailbox.uids_after(0)
    assert first == tuple(range(1, UIDS_AT_ONCE + 1))
    assert site.mailbox.uids_after(first[-1]) == tuple(range(UIDS_AT_ONCE + 1, UIDS_AT_ONCE + 6))
    assert site.mailbox.uids_after(UIDS_AT_ONCE + 5) == ()
    assert site.mailbox.uids_after(3)[0] == 4  # and it may go back


def test_sizes_and_octets(site: Site) -> None:
    """What is gone is left out; a limit cuts; nothing is marked as seen."""
    site.deliver(MESSAGE, 2)
    site.mailbox.open()
    assert site.mailbox.sizes((1, 2, 77)) == {1: len(MESSAGE), 2: len(MESSAGE)}
    assert site.mailbox.sizes(()) == {}
    assert site.mailbox.fetch(1, 10_000) == MESSAGE
    assert site.mailbox.fetch(1, 7) == MESSAGE[:7]
    assert site.mailbox.fetch(1, len(MESSAGE)) == MESSAGE
    assert site.mailbox.fetch(77, 100) is None


def test_a_long_message_comes_whole(site: Site) -> None:
    """It is fetched in several pieces."""
    message = b"Subject: long\r\n\r\n" + b"0123456789abcdef0123456789abcdef0123456789\r\n" * 60_000
    site.deliver(message, 1)
    site.mailbox.open()
    assert site.mailbox.fetch(1, 10_000_000) == message
    assert site.mailbox.fetch(1, 1 << 20) == message[: 1 << 20]
    assert site.mailbox.fetch(1, (1 << 20) + 1) == message[: (1 << 20) + 1]


def test_moved_messages_are_in_the_folder_and_nowhere_else(site: Site) -> None:
    """The folder is made. Without MOVE and UIDPLUS a message is left out by searches, and stays."""
    site.deliver(MESSAGE, 3)
    site.mailbox.open()
    can = site.abilities.move or site.abilities.uidplus
    expected = Removal.REMOVED if can else Removal.MARKED
    assert site.mailbox.move((2,), "Replies/Rejected") == {2: expected}
    assert site.mailbox.move((3,), "Replies/Rejected") == {3: expected}
    assert site.mailbox.uids_after(0) == (1,)
    if can:
        assert len(site.inside("Replies/Rejected")) == 2
        again = site.mailbox.move((2,), "Replies/Rejected")
        assert again == {2: Removal.GONE if site.abilities.uidplus else Removal.REMOVED}
        assert len(site.inside("Replies/Rejected")) == 2


def test_several_messages_leave_in_one_go(site: Site) -> None:
    """More than a command names; those that are gone meanwhile harm no other, and what is not named stays."""
    site.deliver(MESSAGE, 130)
    site.mailbox.open()
    can = site.abilities.move or site.abilities.uidplus
    site.mailbox.move((7, 8), "Replies/Rejected")
    found = site.mailbox.move(tuple(range(2, 129)), "Replies/Rejected")
    assert site.mailbox.uids_after(0) == (1, 129, 130)
    expected = Removal.REMOVED if can else Removal.MARKED
    gone = Removal.GONE if site.abilities.uidplus else expected
    assert found == {uid: gone if uid in (7, 8) else expected for uid in range(2, 129)}
    assert len(site.inside("Replies/Rejected")) == (127 if can else 0)


def test_several_messages_are_deleted_in_one_go(site: Site) -> None:
    """Those that are gone meanwhile harm no other."""
    site.deliver(MESSAGE, 130)
    site.mailbox.open()
    site.mailbox.delete((3,))
    found = site.mailbox.delete(tuple(range(2, 130)))
    assert site.mailbox.uids_after(0) == (1, 130)
    assert set(found) == set(range(2, 130))
    if site.abilities.uidplus:
        assert found == {uid: Removal.GONE if uid == 3 else Removal.REMOVED for uid in range(2, 130)}


def test_beginnings_of_several_messages(site: Site) -> None:
    """In one go, unseen as before; what is gone is left out."""
    site.deliver(MESSAGE, 3)
    site.mailbox.open()
    assert site.mailbox.beginnings((1, 3, 77), 10_000) == {1: MESSAGE, 3: MESSAGE}
    assert site.mailbox.beginnings((1, 2), 7) == {1: MESSAGE[:7], 2: MESSAGE[:7]}


def test_deleted_messages_are_gone(site: Site) -> None:
    """For good with UIDPLUS; else in the folder of processed ones, or marked."""
    site.deliver(MESSAGE, 2)
    site.mailbox.open()
    found = site.mailbox.delete((1,))[1]
    assert site.mailbox.uids_after(0) == (2,)
    if site.abilities.uidplus:
        assert (found, site.mailbox.delete((1,))) == (Removal.REMOVED, {1: Removal.GONE})
        assert site.inside("Replies/Processed") == []
    elif site.abilities.move:
        assert found is Removal.REMOVED and len(site.inside("Replies/Processed")) == 1
    else:
        assert found is Removal.MARKED


def test_waiting_ends_with_a_new_message(site: Site) -> None:
    """Within a second, by IDLE or by polling; without one it ends in time."""
    site.mailbox.open()
    site.mailbox.uids_after(0)
    began = time.monotonic()
    assert not site.mailbox.wait(0.1)
    assert time.monotonic() - began < 2
    site.deliver(MESSAGE, 1)
    assert site.mailbox.wait(5.0)
    assert site.mailbox.uids_after(0) == (1,)


def test_a_closed_mailbox_opens_again(site: Site) -> None:
    """With the same UIDs."""
    site.deliver(MESSAGE, 1)
    first = site.mailbox.open()
    site.mailbox.close()
    site.mailbox.close()
    with pytest.raises(MailboxUnavailableError):
        site.mailbox.uids_after(0)
    assert site.mailbox.open().uidvalidity == first.uidvalidity
    assert site.mailbox.uids_after(0) == (1,)


def test_a_name_of_any_script_is_a_folder(site: Site) -> None:
    """In modified UTF-7, which the server itself reads back; what is in another folder stays."""
    if isinstance(site.mailbox, FakeMailbox) or not site.abilities.uidplus:
        pytest.skip("one real server is enough")
    site.deliver(MESSAGE, 1)
    site.mailbox.open()
    assert site.mailbox.move((1,), 'Antworten & "mehr"/Verworfen: 日本') == {1: Removal.REMOVED}
    assert isinstance(site.mailbox.move((1,), "x" * 250 + "/" + "y" * 250)[1], Refusal)
    assert site.mailbox.uids_after(0) == ()


@pytest.mark.parametrize("auth", [ImapAuth.XOAUTH2, ImapAuth.OAUTHBEARER])
def test_a_token_logs_in_and_an_expired_one_is_renewed(auth: ImapAuth, tmp_path: Path) -> None:
    """Dovecot asks the OAuth server whether a token is good. The second login's first token is not."""
    (tmp_path / "refresh").write_text("refresh-1\n")
    with token_server(USER) as tokens, dovecot(DovecotLayout(token_info=tokens.info)) as server:
        endpoint = TokenEndpoint(
            url=tokens.url,
            client_id="id",
            client_secret_file="",
            refresh_token_file=str(tmp_path / "refresh"),
            scope="",
            grant=Grant.REFRESH_TOKEN,
        )
        source = TokenSource(endpoint)
        account = replace(account_at(server), auth=auth, secret=endpoint)
        asked = iter([source.token, lambda: "expired", source.token])
        box = ImapMailbox(account, lambda: next(asked)(), HostNames(), 1.0)
        box.open()
        box.open()
        assert box.uids_after(0) == ()
        box.close()
    assert len(tokens.asked) == 2


def test_a_wrong_password_is_refused_with_words() -> None:
    """The server's own, behind ours."""
    with dovecot() as server:
        box = ImapMailbox(account_at(server), lambda: "wrong", HostNames(), 1.0)
        with pytest.raises(
            MailboxRefusedError, match=r"refuses the login of inbound@example\.com: .AUTHENTICATIONFAIL"
        ):
            box.open()


def test_a_full_quota_keeps_the_message_and_the_connection() -> None:
    """The server's words say which folder is full. Without MOVE, a copy needs room that is not there."""
    with dovecot(DovecotLayout(quota="storage=5K", without=("MOVE",))) as server:
        server.deliver(b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" + b"y" * 4000 + b"\r\n")
        box = at(server)
        box.open()
        refusal = box.move((1,), "Replies/Rejected")[1]
        assert isinstance(refusal, Refusal) and "takes no message: [OVERQUOTA]" in refusal.why
        assert box.uids_after(0) == (1,)
        assert server.flags() == [""]
        box.close()


def test_a_restarted_server_is_unavailable_once_and_others_flags_stay() -> None:
    """UIDs are the same afterwards; a new UIDVALIDITY shows."""
    with dovecot() as server:
        server.deliver(MESSAGE, 2)
        box = at(server)
        first = box.open()
        assert box.fetch(1, 1000) == MESSAGE
        server.stop()
        until = time.monotonic() + 10
        with pytest.raises(MailboxUnavailableError):
            while time.monotonic() < until:  # a process of it may answer for a moment
                box.fetch(2, 1000)
                time.sleep(0.1)
        server.start()
        assert box.open().uidvalidity == first.uidvalidity
        assert box.uids_after(1) == (2,)
        assert server.flags() == ["", ""]
        box.close()
        time.sleep(1.1)  # UIDVALIDITY is a time in seconds
        server.change_uidvalidity()
        assert box.open().uidvalidity != first.uidvalidity
        box.close()


def test_what_another_client_took_is_gone_and_what_it_marked_stays() -> None:
    """Two connections at one mailbox; a third program has marked a message as deleted."""
    with dovecot(DovecotLayout(without=("MOVE",))) as server:
        server.deliver(MESSAGE, 3)
        one, other = at(server), at(server)
        one.open()
        other.open()
        server.flag(2, "T")
        assert one.move((1,), "Replies/Rejected") == {1: Removal.REMOVED}
        assert other.move((1,), "Replies/Rejected") == {1: Removal.GONE}
        assert other.fetch(1, 100) is None
        assert one.delete((3,)) == {3: Removal.REMOVED}
        assert len(server.messages()) == 1 and server.flags() == ["T"]
        assert len(server.messages("Replies/Rejected")) == 1
        one.close()
        other.close()
