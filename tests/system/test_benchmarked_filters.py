"""The filters that the benchmark compares do what its pages say of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import parts
from benchmarks.filters import Bench, bench
from benchmarks.mails import Letter, packets
from benchmarks.negotiated import steps_of
from benchmarks.processes import open_folder
from reply_milter.adapters.libmilter import VERIFY
from tests.wire.milter_client import ACCEPT, ADD_HEADER, CONTINUE, INSERT_HEADER, Answer, Mta

_DATA = b"T"
_ROOT = Path(__file__).parents[2]
_LETTER = Letter(7, "reply+0000@reply.example.com", "shop/orders/issue/7@reply.example.com")


@pytest.fixture
def filters() -> Iterator[Bench]:
    """Filters that are ended with the test."""
    with open_folder("reply-milter-filters-") as folder, bench(folder) as found:
        yield found


@pytest.mark.parametrize("tcp", [False, True])
def test_the_c_loop_negotiates_what_we_do(filters: Bench, tcp: bool) -> None:
    """Over both kinds of socket, and where ordinary mail is accepted at DATA."""
    for early in (False, True):
        ours = filters.ours(1, tcp=tcp, early=early).filter
        loop = filters.null(ours, early).ready()
        assert steps_of(loop.socket) == steps_of(ours.socket)


def test_the_empty_pymilter_of_our_steps_negotiates_them(filters: Bench) -> None:
    """Those of a unix socket, which the adapter asks for."""
    assert steps_of(filters.empty_pymilter("spare", 1).ready().socket) == VERIFY.needs.steps
    assert steps_of(filters.ours(1).ready().filter.socket) == VERIFY.needs.steps


def test_both_accept_at_data(filters: Bench) -> None:
    """Ordinary mail: the C loop that accepts early, and we with the setting."""
    ours = filters.ours(1, early=True).filter
    for socket in (ours.ready().socket, filters.null(ours, early=True).ready().socket):
        with Mta(Path(socket)) as mta:
            mta.connect()
            mta.mail()
            assert mta.rcpt("<bob@example.com>", "bob@example.com").code == CONTINUE
            assert mta.command(_DATA).code == ACCEPT


@pytest.mark.parametrize("without", parts.VARIANTS)
def test_a_daemon_without_parts_takes_replies(filters: Bench, without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it does without is what it would say more slowly."""
    monkeypatch.setattr(parts, "MESSAGES", 10)
    monkeypatch.setenv("REPLY_MILTER_WITHOUT", "")
    monkeypatch.chdir(_ROOT)
    own, _ = parts._run(filters, parts._start(filters, without), 0)
    assert own > 0


def test_rspamd_finds_the_message_that_is_answered(filters: Bench) -> None:
    """In its Redis; and it adds one header field, which says so."""
    found, sent = filters.rspamd_replies(1)
    found.ready()
    sent.remember([_LETTER])
    for letter, known in ((_LETTER, True), (Letter(8, _LETTER.to, "elsewhere@example.com"), False)):
        answer = _asked(found.socket, letter)
        assert answer.code in (CONTINUE, ACCEPT)
        ((code, edit),) = answer.edits
        assert code in (ADD_HEADER, INSERT_HEADER)
        assert (b"REPLY(" in edit) == known, edit


def _asked(socket: str, letter: Letter) -> Answer:
    """What Rspamd says to a message. It answers nothing before the end."""
    with Mta(Path(socket)) as mta:
        mta.socket.sendall(packets(letter))
        return mta.answer()
