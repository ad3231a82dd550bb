"""Settings about reasons and handlers: what is done, and what replies are for."""

from reply_milter.config.delivery import CONFIRM, Delivery
from reply_milter.config.destinations import destination
from reply_milter.core.encoding.toml_table import Table, between, matching, one_of
from reply_milter.core.token.token import HANDLER_LIMIT
from reply_milter.core.verdict.handler import HANDLER_NAME, ContextKind, Handler, Handlers
from reply_milter.core.verdict.policy import ALLOWED, Policy
from reply_milter.core.verdict.verdict import Action, Reason


def policy(table: Table, base: Policy, with_mode: bool) -> Policy:
    """The action for each reason that the table names, over those of ``base``."""
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


def handlers(top: Table, base: Policy, delivery: Delivery | None) -> Handlers:
    """All ``[[handler]]`` tables; their policies stand over ``base``. With a hook, one more that confirms."""
    found: list[Handler] = []
    seen: dict[str, set[object]] = {"id": set(), "name": set()}
    confirming = _confirming(delivery, base) if delivery is not None else []
    for handler in confirming:
        seen["id"].add(handler.id)
        seen["name"].add(handler.name)
    for table in top.tables("handler"):
        handler = _handler(table, base, delivery is not None)
        for key, value in (("id", handler.id), ("name", handler.name)):
            if value in seen[key] and not table.is_told(key):
                own = value in (CONFIRM, *(one.id for one in confirming))
                table.problem(key, f"{value!r} is taken by {'[delivery.confirm]' if own else 'another handler'}")
            if not table.is_told(key):
                seen[key].add(value)
        found.append(handler)
    if not found:
        top.problem("handler", "at least one [[handler]] is needed")
    return Handlers.of(found + confirming)


def _confirming(delivery: Delivery, base: Policy) -> list[Handler]:
    """Answers to the question whether parked replies are theirs: from an address on file, and from nowhere else.

    What a machine sends is no answer, and hears nothing.
    """
    strict = {
        Reason.AUTO_REPLY: Action.DISCARD,
        Reason.BOUNCE: Action.DISCARD,
        Reason.SENDER_UNKNOWN: Action.REJECT,
        Reason.SENDER_MISMATCH: Action.REJECT,
    }
    asked = delivery.confirmation
    policy = Policy(base.observe, strict)
    return [Handler(asked.handler_id, CONFIRM, ContextKind.INTEGER, asked.days, True, "", policy)]


def _handler(table: Table, base: Policy, delivered: bool) -> Handler:
    handler = Handler(
        id=table.need("id", 0, between(0, HANDLER_LIMIT - 1)),
        name=table.need("name", "", matching(HANDLER_NAME.pattern, "1 to 32 of a-z0-9._-")),
        context=ContextKind(table.take("context", "thread", one_of("thread", "integer"))),
        validity_days=table.take("validity_days", 90, between(1, 36500)),
        enabled=table.take("enabled", True),
        expired_url=table.take("expired_url", "", _url),
        policy=policy(table.table("policy"), base, with_mode=False),
        destination=destination(table.table("delivery")) if table.has("delivery") else None,
    )
    if handler.destination is not None and not delivered:
        table.problem("delivery", "needs a table [delivery]: without a hook nobody would hand the replies over")
    table.unknown()
    return handler


def _url(value: str) -> str | None:
    if "%" in value:
        return "must not hold a %: libmilter takes a reply as a format string"
    form = matching(r"(https?://[!-~]{1,200})?", "an http(s) URL of at most 200 visible ASCII characters")
    return form(value)
