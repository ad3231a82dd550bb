"""Folders and delays."""

from itertools import pairwise

from reply_milter.core.fetching.outcome import FetchVerdict, Folder, folder_for, reconnect_seconds, retry_seconds


def test_only_what_is_done_with_leaves_the_mailbox() -> None:
    """No reply of somebody else's, and nothing that is tried again."""
    stays = {verdict for verdict in FetchVerdict if folder_for(verdict) is None}
    waits = {FetchVerdict.PARKED, FetchVerdict.DEFERRED}
    assert stays == {FetchVerdict.ORDINARY, FetchVerdict.OBSERVED, *waits}
    assert folder_for(FetchVerdict.DELIVERED) is Folder.PROCESSED


def test_messages_rest_longer_and_longer() -> None:
    """Up to a quarter of an hour."""
    delays = [retry_seconds(tries) for tries in range(1, 100)]
    assert (delays[0], delays[-1]) == (15, 900)
    assert all(before <= after for before, after in pairwise(delays))
    assert retry_seconds(0) == 15


def test_reconnecting_waits_longer_and_longer_and_not_together() -> None:
    """Up to five minutes; half of it is left to chance."""
    assert [reconnect_seconds(failures, lambda: 1.0) for failures in (1, 2, 3, 9, 10, 10_000)] == [
        1,
        2,
        4,
        256,
        300,
        300,
    ]
    assert reconnect_seconds(10, lambda: 0.0) == 150
