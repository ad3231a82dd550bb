"""``[[handler]]``: what replies are for, what is done about them, and where they go."""

from reply_milter.config.delivery import CONFIRM, DeliverySettings
from reply_milter.config.destinations import read_destination
from reply_milter.config.policy import read_policy
from reply_milter.core.encoding.toml_table import Table, between, matching, one_of
from reply_milter.core.token.token import HANDLER_LIMIT
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.handler import HANDLER_NAME, ContextKind, Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.verdict.reasons import Reason


def read_handlers(top: Table, base: Policy, delivery: DeliverySettings | None) -> Handlers:
    """Read all ``[[handler]]`` tables; their policies stand over ``base``. With a hook, add the one that confirms."""
    found: list[Handler] = []
    seen: dict[str, set[object]] = {"id": set(), "name": set()}
    confirming = _confirming(delivery, base) if delivery is not None else []
    for handler in confirming:
        seen["id"].add(handler.id)
        seen["name"].add(handler.name)
    for table in top.tables("handler"):
        handler = _handler(table, base, delivery is not None)
        for key, value in (("id", handler.id), ("name", handler.name)):
            if value in seen[key] and not table.has_problem(key):
                own = value in (CONFIRM, *(one.id for one in confirming))
                table.problem(key, f"{value!r} is taken by {'[delivery.confirm]' if own else 'another handler'}")
            if not table.has_problem(key):
                seen[key].add(value)
        found.append(handler)
    if not found:
        top.problem("handler", "at least one [[handler]] is needed")
    return Handlers.of(found + confirming)


def _confirming(delivery: DeliverySettings, base: Policy) -> list[Handler]:
    """Return the handler whose addresses answer questions about parked replies.

    Only an address on file may answer. Automatic messages are discarded, so that no program gets a bounce.
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
        policy=read_policy(table.table("policy"), base, with_mode=False),
        destination=read_destination(table.table("delivery")) if table.has("delivery") else None,
    )
    if handler.destination is not None and not delivered:
        table.problem("delivery", "needs a table [delivery]: without a hook no process would hand the replies over")
    table.unknown()
    return handler


def _url(value: str) -> str | None:
    if "%" in value:
        return "must not hold a %: libmilter takes a reply as a format string"
    form = matching(r"(https?://[!-~]{1,200})?", "an http(s) URL of at most 200 visible ASCII characters")
    return form(value)
