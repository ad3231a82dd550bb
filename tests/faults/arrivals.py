"""What arrived in the mailbox behind a real MTA, put on the records of the load that sent it."""

from collections.abc import Sequence

import redis

from reply_milter.wiring.settings import Settings
from tests.faults.letters import Letter
from tests.faults.retrying import UNTAGGED, Record
from tests.support.hosts.delivery_site import DeliverySite
from tests.support.hosts.site_under_test import Site
from tests.support.processes.daemon_process import wait_until


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


def reply_id(settings: Settings, letter: Letter) -> str:
    """The id under which everything downstream knows this reply."""
    key = settings.keyring.minting_key(letter.minted.token.user)
    token_text = settings.config.form.token_text(letter.minted.address.split("@")[0])
    return key.token_id(token_text) + key.message_id_tag(token_text, f"{letter.name}@client.example")


def remembered(server: "redis.Redis", settings: Settings, records: Sequence[Record]) -> int:
    """How many of what was taken the store still knows."""
    with server.pipeline(transaction=False) as asked:
        for record in records:
            identifier = reply_id(settings, record.letter)
            asked.hexists(f"rm1:{identifier[:13]}", identifier[13:])
        return sum(asked.execute())


def collect_effects(host: DeliverySite, records: Sequence[Record], seconds: float = 120.0) -> None:
    """Wait until all that was taken had its effect with the application, and count how often each had."""
    host.until(lambda: not host.site.mta.queue(), seconds, "an empty queue")
    settings = host.site.settings
    for record in records:
        record.verdicts = ["effect"] * host.receiver.posts.get(reply_id(settings, record.letter), 0)
