"""The fetcher dies before and after each call of a port, and starts again: one effect, and nothing is lost."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from reply_milter.adapters.state_dir.dead_letters import DeadLetterFolder
from reply_milter.adapters.state_dir.deliveries import SqliteLedger
from reply_milter.adapters.state_dir.mailboxes import MailboxRecord
from reply_milter.core.delivery.outcome import Never
from reply_milter.ports.mailbox import MailboxUnavailableError
from tests.support.fake_mailbox import FakeMailbox
from tests.support.fakes import AUTHOR, MemoryStore, minted
from tests.support.hosts.dialogue import reply_fields
from tests.support.hosts.fetching import Fetching, MemoryTurns, delivered, reply
from tests.support.hosts.hooked import ScriptedDeliverer

_PORTS: dict[type, tuple[str, ...]] = {
    FakeMailbox: ("uids_after", "beginnings", "fetch", "move"),
    MailboxRecord: ("begin", "due", "known", "put", "close"),
    SqliteLedger: ("entry", "put"),
    MemoryStore: ("facts", "claim", "commit_all"),
    MemoryTurns: ("became_of", "note", "forget"),
    ScriptedDeliverer: ("process",),
    DeadLetterFolder: ("keep",),
}
_CALLS = [(port, name) for port, names in _PORTS.items() for name in names]
# Whoever dies between the handler's answer and the record of it hands the reply over again, with the same id.
_TWICE = {
    (ScriptedDeliverer, "process", True),
    (SqliteLedger, "put", False),
    (DeadLetterFolder, "keep", False),
    (DeadLetterFolder, "keep", True),
}


class Died(BaseException):
    """No handler of exceptions in a flow stops it, as none stops SIGKILL."""


@contextmanager
def dying(port: type, name: str, number: int, after: bool) -> Iterator[None]:
    """Die before or after the call ``number``, from 1, of a method."""
    deed: Callable[..., Any] = getattr(port, name)
    calls = 0

    def deadly(*given: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != number:
            return deed(*given, **more)
        if after:
            deed(*given, **more)
        raise Died

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(port, name, deadly)
        yield


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("port,name", _CALLS, ids=[f"{port.__name__}.{name}" for port, name in _CALLS])
def test_it_dies_at_each_call(tmp_path: Path, port: type, name: str, after: bool) -> None:
    """Three replies, a forgery and a stranger's mail; at the first, second, ... call, as many as there are."""
    for number in range(1, 30):
        folder = tmp_path / str(number)
        folder.mkdir()
        host = Fetching(folder)
        _fill(host)
        with dying(port, name, number, after):
            try:
                host.look()
            except Died:
                died = True
            else:
                died = False
        host.look(1)
        host.look(3600)
        _assert_one_effect(host, may_repeat=(port, name, after) in _TWICE)
        if not died:
            assert number > 1
            return
    raise AssertionError("more calls than expected")


@pytest.mark.parametrize("name", ["uids_after", "beginnings", "fetch", "move"])
def test_the_connection_is_cut_at_each_command(tmp_path: Path, name: str) -> None:
    """The next look goes on."""
    for number in range(1, 12):
        folder = tmp_path / str(number)
        folder.mkdir()
        host = Fetching(folder)
        _fill(host)
        left = number

        def cut(called: str) -> None:
            nonlocal left
            left -= called == name
            if called == name and left == 0:
                raise MailboxUnavailableError("the connection is lost")

        host.mailbox.before = cut
        try:
            host.look()
        except MailboxUnavailableError:
            host.look(1)
        host.mailbox.before = lambda _called: None
        host.look(3600)
        _assert_one_effect(host)


def _fill(host: Fetching) -> None:
    """With three replies, a large one and one that the application refuses, a forgery, and a stranger's mail."""
    host.arrive(user=1)
    large = minted(user=2)
    host.mailbox.append(delivered(large.address, reply_fields(large), b"x" * 70_000))
    host.arrive(user=3)
    host.hook.deliverer.script = [lambda got: Never("no") if got.user == 3 else None] * 20  # type: ignore[list-item,return-value]
    host.mailbox.append(delivered("jane@example.net", [("From", f" {AUTHOR}")]))
    host.mailbox.append(reply(minted(user=4), author="mallory@example.com"))


def _assert_one_effect(host: Fetching, may_repeat: bool = False) -> None:
    handed = [(got.user, got.id) for got in host.hook.deliverer.replies]
    assert {user for user, _ in handed} == {1, 2, 3}
    assert len(set(handed)) == 3
    assert may_repeat or len(handed) == 3
    assert list(host.mailbox.messages) == [4]
    assert (len(host.mailbox.folders["Done"]), len(host.mailbox.folders["Rejected"])) == (2, 2)
    assert (host.committed, len(host.hook.service.dead_letters.all())) == (3, 1)
    assert host.service.record.next_due() is None
    assert host.service.record.begin(1) >= 4
