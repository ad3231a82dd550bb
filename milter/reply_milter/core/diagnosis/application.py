"""A notification as an application sends it: what becomes of it in sign mode, and what is wrong with that."""

from dataclasses import dataclass

from reply_milter.core.diagnosis import application_rules as rules
from reply_milter.core.diagnosis.application_rules import Change, Sample
from reply_milter.core.diagnosis.problem import Problem
from reply_milter.core.mail.headers import Append, Delete, Replace
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.keyring import Keyring, KeyState, MasterKey
from reply_milter.core.verdict.handler import Handler, Handlers
from reply_milter.core.wrapping import outward
from reply_milter.core.wrapping.body_keys import KeyPlace, keys_in_body
from reply_milter.core.wrapping.outward import Outbound, WrapError
from reply_milter.core.wrapping.outward_draft import Draft
from reply_milter.core.wrapping.outward_keys import Keys, natives_in
from reply_milter.core.wrapping.wrap import Wrap

_SAMPLE = "recipient@example.org"
_WORTHLESS = MasterKey("doctor", KeyState.ACTIVE, bytes(32))  # what is minted with it is looked at, and thrown away
_DEEDS: dict[type, str] = {Append: "added", Delete: "removed", Replace: "rewritten"}


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen. ``handlers``: those that wrap it, by name. ``places``: keys in its body, with the handler."""

    handlers: tuple[str, ...]
    changes: tuple[Change, ...]
    places: tuple[tuple[str, KeyPlace], ...]
    problems: tuple[Problem, ...]


def look_at(sample: Sample, handlers: Handlers, form: AddressForm, now: int) -> Look:
    """Look at ``sample`` as the sign milter would. ``now`` in Unix seconds. No key of ours is needed."""
    looks = [_look(sample, handler, handler.wrap, form, now) for handler in handlers.by_id.values() if handler.wrap]
    concerned = [look for look in looks if look.problems]
    if not concerned:
        return Look((), (), (), (rules.unknown(sample),))
    problems = (*rules.way_here(sample), *(problem for look in concerned for problem in look.problems))
    return Look(
        tuple(name for look in concerned for name in look.handlers),
        tuple(change for look in concerned for change in look.changes),
        tuple(place for look in concerned for place in look.places),
        problems,
    )


def _look(sample: Sample, handler: Handler, wrap: Wrap, form: AddressForm, now: int) -> Look:
    """Look at it for one handler. No problem at all: it does not concern that one."""
    known, draft = not wrap.senders.isdisjoint(sample.senders), Draft(sample.fields)
    outbound, keyring = Outbound((sample.recipient or _SAMPLE,), "doctor", now), Keyring("doctor", (_WORTHLESS,))
    try:
        wrapped = outward.wrap(draft, outbound, handler, keyring, form)
    except WrapError as mistake:
        return Look((), (), (), (*rules.matching(sample, handler, known), rules.refused(handler, str(mistake))))
    if wrapped is None:
        return Look((), (), (), (rules.nothing(handler, wrap),) if known else ())
    changes, keys = _changes(handler, draft), _keys(sample, wrap)
    places = keys_in_body(sample.message, keys, wrap.address)
    problems = (
        *rules.matching(sample, handler, known),
        *rules.rewritten(handler, changes),
        *rules.capsules(handler, wrap, wrapped),
        *rules.recipients(sample, wrap),
        *rules.left(handler, wrap, _kept_in(wrap, keys, draft), places),
    )
    return Look((handler.name,), changes, tuple((handler.name, place) for place in places), problems)


def _changes(handler: Handler, draft: Draft) -> tuple[Change, ...]:
    edits = [edit for edit in draft.edits() if isinstance(edit, Append | Delete | Replace)]
    return tuple(dict.fromkeys(Change(handler.name, edit.name, _DEEDS[type(edit)]) for edit in edits))


def _keys(sample: Sample, wrap: Wrap) -> Keys:
    """The keys of all native addresses in its header as it came."""
    return Keys(key for _, value in sample.fields for _, key in natives_in(value, wrap.address))


def _kept_in(wrap: Wrap, keys: Keys, draft: Draft) -> list[str]:
    """The names of fields that keep a key, because they are the message's identity."""
    kept = {name.lower() for name in wrap.preset.keeps_key_in}
    return sorted({name for name, value in draft.standing() if name.lower() in kept and keys.stand_in(value)})
