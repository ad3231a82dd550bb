"""``[policy]`` and ``[handler.policy]``: what is done about each reason."""

from reply_milter.core.encoding.toml_table import Table, between, one_of
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.policy import ALLOWED, Policy
from reply_milter.core.verdict.reasons import Reason


def read_policy(table: Table, base: Policy, with_mode: bool) -> Policy:
    """Read the action for each reason that the table names, over those of ``base``."""
    observe = base.observe
    if with_mode:
        observe = table.take("mode", "enforce", one_of("enforce", "observe")) == "observe"
    actions: dict[Reason, Action] = dict(base.actions)
    for reason, allowed in ALLOWED.items():
        word = table.take(reason.value, "", one_of(*sorted(allowed)))
        if word:
            actions[reason] = Action(word)
    replies = table.take("replies_per_token", base.replies_per_token, between(0, 1 << 20))
    senders = table.take("senders_per_token", base.senders_per_token, between(0, 1 << 10))
    table.unknown()
    return Policy(observe, actions, replies, senders)
