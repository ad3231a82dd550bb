"""What ``doctor`` examines of ``state_dir``: its owner, everything in it, and what was last seen of the store."""

from collections.abc import Iterator
from pathlib import Path

from reply_milter.adapters.os import file_facts
from reply_milter.adapters.os.clock import WallClock
from reply_milter.adapters.state_dir import loss_record
from reply_milter.core.diagnosis import state, store
from reply_milter.core.diagnosis.files import Account
from reply_milter.core.diagnosis.problem import Problem, hidden


def examine_state(folder: str, account: Account | None) -> Iterator[Problem]:
    """Examine the folder; ``account`` is the daemon's, if known."""
    free, total = file_facts.space(folder)
    others = file_facts.belonging_to_others(folder, account.user) if account is not None else ()
    found = state.StateFacts(file_facts.facts(folder), file_facts.parents(folder), free, total, others)
    yield from state.examine(found, account)
    try:
        record = loss_record.read_record(Path(folder))
    except loss_record.LossRecordError as mistake:
        yield state.damaged(str(mistake)) if mistake.damaged else hidden("state", f"{folder}/{loss_record.NAME}")
    else:
        yield from store.examine_loss(record.lost_at, record.restored_at, WallClock().now())
