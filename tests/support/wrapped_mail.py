"""Notifications of wrapped applications: handlers by preset, the header that leaves, and what an address stands for."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from reply_milter.core.mail.edited import edited
from reply_milter.core.mail.headers import Edit
from reply_milter.core.token import token
from reply_milter.core.token.token import Token
from reply_milter.core.verdict.handler import ContextKind, Handler
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.wrapping import capsule, keys
from reply_milter.core.wrapping.outward import Outbound, wrap
from reply_milter.core.wrapping.outward_draft import Draft
from reply_milter.core.wrapping.outward_minting import Minted
from reply_milter.core.wrapping.pattern import parse
from reply_milter.core.wrapping.plain import Plain
from reply_milter.core.wrapping.presets import PRESETS
from reply_milter.core.wrapping.wrap import Wrap
from reply_text.syntax import message_ids
from tests.support.fakes import FORM, KEYRING, NOW

Fields = Sequence[tuple[str, str]]
JANE = "jane@example.org"
JOURNAL = "journal@example.com"


def handler_of(preset: str, address: str = "", key: str = "", observe: bool = False, **changes: object) -> Handler:
    """A handler that wraps one application, with what its preset says where nothing else is said."""
    known = PRESETS[preset]
    senders = frozenset({"noreply@app.test", "noreply@git.example.com", "redmine@redmine.example.com"})
    pattern = parse(address or known.address, key or known.key, known.case_matters)
    wrapping = Wrap(known, pattern, senders, frozenset({JOURNAL}), **changes)  # type: ignore[arg-type]
    return Handler(20, preset, ContextKind.WRAPPED, 90, True, "", Policy(observe), wrap=wrapping)


@dataclass
class Left:
    """How a notification left: its header, and what was minted. ``edits``: what the MTA was asked for."""

    fields: list[tuple[str, str]]
    minted: tuple[Minted, ...]
    edits: tuple[Edit, ...] = field(repr=False)

    def values(self, name: str) -> list[str]:
        """The values of all fields called so."""
        return [value for known, value in self.fields if known.lower() == name.lower()]

    def value(self, name: str) -> str:
        """The value of the only one."""
        (found,) = self.values(name)
        return found


def leave(handler: Handler, fields: Fields, *recipients: str, **changes: object) -> Left:
    """Wrap a notification; fail where it is none."""
    draft = Draft(fields)
    outbound = Outbound(recipients or (JANE,), "4Q1", NOW, **changes)  # type: ignore[arg-type]
    wrapped = wrap(draft, outbound, handler, KEYRING, FORM)
    assert wrapped is not None, "it holds no address of the application"
    left = edited(fields, draft.edits())
    assert left == [(name, value) for name, value in draft.standing()]
    return Left(left, wrapped.minted, draft.edits())


def token_of(address: str) -> Token:
    """The token of an address of ours, whose checksum must be good."""
    read = token.parse(FORM.token_text(address.rpartition("@")[0]), FORM.checksum_length)
    assert read is not None and KEYRING.verify(read) is not None
    return read.token


def unwrapped(address: str, references: str) -> Plain:
    """What an address of ours stands for, by the capsule in a reply's References: as a verify milter finds it."""
    glob = FORM.token_text(address.rpartition("@")[0])
    read = token.parse(glob, FORM.checksum_length)
    assert read is not None
    key = KEYRING.verify(read)
    assert key is not None
    ids = message_ids.identifiers(capsule.readable(references), last_first=True)
    for sealed in capsule.find(ids, FORM.accept_domains):
        plain = keys.open_capsule(KEYRING.active, KEYRING.realm, glob, sealed)
        if plain is not None:
            assert keys.context_of(key, plain) == read.token.context
            return plain
    raise AssertionError("no capsule of this address")
