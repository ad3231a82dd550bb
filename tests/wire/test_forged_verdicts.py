"""Any number of forged verdicts on one message, over the milter protocol, in both modes: all come off, or none."""

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from reply_milter.core.mail.headers import FIELDS_LIMIT
from reply_milter.core.seal.verdict_header import SealProblem, unseal
from reply_milter.core.token.mint import MintedAddress
from tests.wire.milter_alone import Milter, own_folder
from tests.wire.milter_client import CHANGE_HEADER, CONTINUE, INSERT_HEADER, REPLYCODE, Answer, Mta

pytestmark = pytest.mark.wire

_OTHER_FIELDS = 4


@pytest.fixture(scope="module", params=["enforce", "observe"])
def milter(request: pytest.FixtureRequest, engine: str) -> Iterator[Milter]:
    """A running daemon with one worker, in each mode."""
    with own_folder() as folder:
        running = Milter(folder, engine=engine)
        text = running.config.read_text()
        running.config.write_text(text.replace('mode = "enforce"', f'mode = "{request.param}"'))
        running.daemon.start()
        yield running
        running.daemon.stop()


def _observes(milter: Milter) -> bool:
    return re.search(r'(?m)^mode = "observe"', milter.config.read_text()) is not None


def _send(milter: Milter, minted: MintedAddress, name: str, forged: list[str]) -> Answer:
    with Mta(milter.socket) as mta:
        mta.connect()
        mta.mail()
        assert mta.rcpt(f"<{minted.address}>", minted.address).code == CONTINUE
        for value in forged:
            mta.header("X-Reply-Verdict", value)
        mta.header("From", "alice@client.example")
        mta.header("Message-ID", f"<{name}@client.example>")
        mta.header("Date", "Sat, 21 Nov 2026 12:00:00 +0000")
        mta.header("In-Reply-To", f"<{minted.message_id}>")
        mta.body(b"Yes.\r\n")
        return mta.end_of_message()


def _tags(milter: Milter, answer: Answer) -> dict[str, str]:
    code, inserted = answer.edits[-1]
    assert code == INSERT_HEADER
    seal_key = bytes.fromhex((milter.folder / "etc" / "seal.key").read_text().split()[0])
    opened = unseal([inserted[4:].rstrip(b"\0").split(b"\0")[1].decode()], (seal_key,))
    assert not isinstance(opened, SealProblem), opened
    return opened


@pytest.mark.parametrize("count", [0, 1, 50, 1996, 1999, 2000, 2001, 10_000])
def test_all_forged_verdicts_come_off_or_none(milter: Milter, count: int) -> None:
    """Up to the bound of a header, enforce takes all off, and beyond it refuses; observe takes up to that many off.

    More than that it leaves as they are, and adds none of ours: an MTA would be busy with them for minutes.
    """
    minted = milter.mint()
    answer = _send(milter, minted, f"flood-{count}", ["v=1; result=pass"] * count)
    taken_off = [struct.unpack("!I", rest[:4])[0] for code, rest in answer.edits if code == CHANGE_HEADER]
    within = count + _OTHER_FIELDS <= FIELDS_LIMIT
    if not within and not _observes(milter):
        assert (answer.code, answer.edits) == (REPLYCODE, []) and answer.text.startswith("550 5.7.1"), answer.text
        return
    assert answer.code == CONTINUE
    if count > FIELDS_LIMIT:
        assert answer.edits == []
        return
    assert taken_off == list(range(count, 0, -1))
    assert len(answer.edits) == count + 1
    tags = _tags(milter, answer)
    assert (tags["reason"], tags.get("would")) == (("ok", None) if within else ("malformed", "reject"))


def test_thousands_of_huge_verdicts_are_not_kept_in_memory(milter: Milter) -> None:
    """120 MB of them: the worker remembers how many there are."""
    (worker,) = milter.daemon.workers()
    minted = milter.mint()
    _send(milter, minted, "before", [])
    before = _peak_megabytes(worker)
    answer = _send(milter, minted, "huge", ["x" * 60_000] * FIELDS_LIMIT)
    assert answer.code == (CONTINUE if _observes(milter) else REPLYCODE)
    assert milter.daemon.workers() == [worker]
    assert _peak_megabytes(worker) - before < 20


def _peak_megabytes(process: int) -> float:
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert peak is not None
    return int(peak[1]) / 1024
