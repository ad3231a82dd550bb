"""``[[handler]]``: what replies are for, what is done about them, and where they go."""

from dataclasses import replace
from typing import NamedTuple

from reply_milter.config.delivery import CONFIRM, DeliverySettings
from reply_milter.config.destinations import read_destination
from reply_milter.config.native import read_verification
from reply_milter.config.policy import read_policy
from reply_milter.config.wrapping import read_wrap
from reply_milter.core.encoding.toml_table import Table, between, matching, one_of
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.token import HANDLER_LIMIT
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.destination import Command, Destination, Format, Webhook
from reply_milter.core.verdict.handler import HANDLER_NAME, ContextKind, Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.wrapping.overlap import conflicts
from reply_milter.core.wrapping.wrap import Wrap


class Around(NamedTuple):
    """What handlers need of the other tables. ``signs``: there is a table ``[sign]``."""

    form: AddressForm
    policy: Policy
    delivery: DeliverySettings | None
    signs: bool


def read_handlers(top: Table, around: Around) -> Handlers:
    """Read all ``[[handler]]`` tables; their policies stand over the general one. With a hook, add its own."""
    found: list[Handler] = []
    wraps: list[tuple[str, Wrap]] = []
    seen: dict[str, set[object]] = {"id": set(), "name": set()}
    confirming = _confirming(around.delivery, around.policy) if around.delivery is not None else []
    for handler in confirming:
        seen["id"].add(handler.id)
        seen["name"].add(handler.name)
    for table in top.tables("handler"):
        handler = _handler(table, around)
        for key, value in (("id", handler.id), ("name", handler.name)):
            if value in seen[key] and not table.has_problem(key):
                own = value in (CONFIRM, *(one.id for one in confirming))
                table.problem(key, f"{value!r} is taken by {'[delivery.confirm]' if own else 'another handler'}")
            if not table.has_problem(key):
                seen[key].add(value)
        found.append(handler)
        if handler.wrap is not None:
            wraps.append((table.name("wrap"), handler.wrap))
    top.problems += conflicts(wraps, around.form)
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
    implied = not asked.given
    return [Handler(asked.handler_id, CONFIRM, ContextKind.INTEGER, asked.days, True, "", policy, implied=implied)]


def _handler(table: Table, around: Around) -> Handler:
    context = ContextKind(table.take("context", "thread", one_of(*(kind.value for kind in ContextKind))))
    given = table.has("delivery")
    handler = Handler(
        id=table.need("id", 0, between(0, HANDLER_LIMIT - 1)),
        name=table.need("name", "", matching(HANDLER_NAME.pattern, "1 to 32 of a-z0-9._-")),
        context=context,
        validity_days=table.take("validity_days", 90, between(1, 36500)),
        enabled=table.take("enabled", True),
        expired_url=table.take("expired_url", "", _url),
        policy=_policy(table, around.policy, context),
        destination=read_destination(table.table("delivery")) if given else None,
        wrap=_wrap(table, context, around),
    )
    if handler.destination is not None and around.delivery is None:
        table.problem("delivery", "needs a table [delivery]: without a hook no process would hand the replies over")
    if handler.wrap is not None and not (given and handler.destination is None):
        _check_destination(table, handler.destination, handler.wrap, around.delivery is not None)
    table.unknown()
    return handler


def _policy(table: Table, base: Policy, context: ContextKind) -> Policy:
    """Read mode and policy. One reply per token is no default where notifications may share a token."""
    if context is ContextKind.WRAPPED and base.replies_per_token == 1:
        base = replace(base, replies_per_token=0)
    mode = table.take("mode", "observe" if base.observe else "enforce", one_of("enforce", "observe"))
    return replace(read_policy(table.table("policy"), base, with_mode=False), observe=mode == "observe")


def _wrap(table: Table, context: ContextKind, around: Around) -> Wrap | None:
    if context is not ContextKind.WRAPPED:
        for key in ("wrap", "verify", "bind_sender"):
            if table.has(key) and not table.has_problem("context"):
                table.problem(key, 'needs context = "wrapped"')
    elif not table.has("wrap"):
        table.problem("wrap", 'is missing: context = "wrapped" needs a table [handler.wrap]')
    bind_sender = table.take("bind_sender", True)
    described = table.has("verify")
    verification = read_verification(table.table("verify")) if described else None
    if not table.has("wrap"):
        return None
    wrap = read_wrap(table.table("wrap"), bind_sender, verification, described)
    if wrap is not None and wrap.outward and not around.signs and not table.has_problem("wrap"):
        table.problem("wrap", "needs a table [sign]: its milter puts our addresses in the place of the application's")
    return wrap


def _check_destination(table: Table, destination: Destination | None, wrap: Wrap, hooked: bool) -> None:
    """Look whether the application gets its mail: a message, from the hook."""
    if destination is None:
        also = "" if hooked else ", with a table [delivery] for the hook itself"
        usual = f'usually type = "{wrap.preset.destination}"'
        table.problem("delivery", f"is missing: say how {wrap.preset.name} gets its mail, {usual}{also}")
    if isinstance(destination, Webhook | Command) and destination.format is not Format.RAW:
        table.problem("delivery", 'format must be "raw": a wrapped application takes the message itself')


def _url(value: str) -> str | None:
    if "%" in value:
        return "must not hold a %: libmilter takes a reply as a format string"
    form = matching(r"(https?://[!-~]{1,200})?", "an http(s) URL of at most 200 visible ASCII characters")
    return form(value)
