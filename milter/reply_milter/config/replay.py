"""``[replay]``: who commits a claim, and when."""

from dataclasses import dataclass

from reply_milter.core.encoding.toml_table import Table, between, one_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """Settings about commits. ``commit_on_accept``: the milter commits, ``settle_ms`` after its answer; else a hook."""

    commit_on_accept: bool
    settle_ms: int


def read_replay(table: Table, delivers: bool) -> ReplaySettings:
    """Read ``[replay]``. ``delivers``: there is a table ``[delivery]``, whose hook commits by default."""
    found = ReplaySettings(
        commit_on_accept=_commits_on_accept(table, delivers),
        settle_ms=table.take("settle_ms", 200, between(0, 60000)),
    )
    table.unknown()
    return found


def _commits_on_accept(table: Table, delivers: bool) -> bool:
    external_hook = table.take("external_hook", False)
    hooked = delivers or external_hook
    commit = table.take("commit", "delivery" if hooked else "accept", one_of("accept", "delivery"))
    if commit == "delivery" and not hooked:
        table.problem("commit", '"delivery" needs a hook that commits: a table [delivery], or external_hook = true')
    if delivers and external_hook:
        table.problem("external_hook", "can't be true beside a table [delivery]: only one of them would commit")
    return commit == "accept"
