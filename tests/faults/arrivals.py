"""What arrived in the mailbox behind a real MTA, put on the records of the load that sent it."""

from collections.abc import Sequence

from retrying import UNTAGGED, Record

from daemon_process import wait_until
from site_under_test import Site


def collect(site: Site, records: Sequence[Record], seconds: float = 60.0) -> None:
    """Wait until all that was taken is there, or the time is over; then look at each."""
    folder = site.mta.replies / "new"
    taken = sum(record.taken for record in records)
    before = len(list(folder.glob("*"))) if folder.is_dir() else 0
    wait_until(lambda: not site.mta.queue(), seconds, f"an empty queue; {before} of {taken} are there")
    by_name = {record.letter.name: record for record in records}
    for message in site.all_replies():
        for name in message.values("X-Seq"):
            if name in by_name:
                tags = message.tags
                by_name[name].verdicts.append(tags["replay"] if isinstance(tags, dict) else UNTAGGED)
