"""``[handler.wrap]``: an application that knows nothing of us, whose addresses are replaced by ours."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

from reply_milter.core.encoding.toml_table import Table, one_of
from reply_milter.core.mail.domain import normalise
from reply_milter.core.native.verification import Verification
from reply_milter.core.notification.application import Application
from reply_milter.core.token.address import RESERVED
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.wrapping.pattern import Pattern, glob, parse
from reply_milter.core.wrapping.pattern_syntax import PatternError
from reply_milter.core.wrapping.presets import PRESETS, Preset
from reply_milter.core.wrapping.wrap import Wrap

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WORDS = {"refuse": 0, "pass": None, "verify": 0}
_GENERIC = PRESETS["generic"]
_RESERVED = f"would take the mail of a reserved mailbox (RFC 2142: {', '.join(sorted(RESERVED))}): it is for people"
_NATIVE = 'must be "refuse", "pass", "verify", or the date from which on it is refused, as 2027-01-31'


def read_wrap(table: Table, bind_sender: bool, verification: Verification | None, described: bool) -> Wrap | None:
    """Read ``[handler.wrap]``; None where its address can't be read, which is noted.

    ``verification``: the handler's ``[handler.verify]``; None also where that has mistakes. ``described``: it has one.
    """
    preset = PRESETS.get(table.need("application", "", one_of(*PRESETS)), _GENERIC)
    key = table.take("key", "", lambda text: None if text.strip() else "must not be empty: leave it out instead")
    address = _address(table, preset, key)
    outward = table.take("outward", True)
    senders = _senders(table, outward)
    copies = _addresses(table, "copies")
    store = table.take("store", True)
    until, verifies = _native(table)
    opened = _globs(table, "open", [])
    bounces = _globs(table, "bounces", _usual_bounces(preset, address) if address else [])
    table.unknown()
    if address is None:
        return None
    _check_verification(table, verifies, described, outward)
    return Wrap(
        preset=preset,
        address=address,
        senders=senders,
        copies=copies,
        store=store,
        bind_sender=bind_sender,
        native_passes_until=until,
        open=opened,
        bounces=bounces,
        verification=verification if verifies else None,
        outward=outward,
    )


def _address(table: Table, preset: Preset, key: str) -> Pattern | None:
    written = table.need("address", "")
    if not written or table.has_problem("application"):
        return None
    mistake = _misused_key(written, preset, key)
    if mistake:
        table.problem("address", mistake)
        return None
    try:
        pattern = parse(written, key or preset.key, preset.case_matters)
    except PatternError as error:
        if not (error.in_key and table.has_problem("key")):
            table.problem("key" if error.in_key else "address", str(error))
        return None
    if "{any}" not in written and _takes_reserved(pattern.native):
        table.problem("address", f"{written!r} {_RESERVED}")
    return pattern


def _takes_reserved(local: "re.Pattern[str]") -> bool:
    return any(local.fullmatch(name) for name in RESERVED)


def _misused_key(address: str, preset: Preset, key: str) -> str:
    """Say why ``address`` must have a key, or none; empty if it is as it should be."""
    if "{key}" not in address:
        needed = key or preset.key
        return f"has no {{key}}: write it where the key stands, as in {preset.address!r}" if needed else ""
    if preset.key or preset is _GENERIC:
        return ""
    return f"{preset.name} has one address for everybody, as {preset.address!r}: leave {{key}} out"


def _addresses(table: Table, key: str) -> frozenset[str]:
    found = set()
    for text in table.strings(key, []):
        address = normalise(text)
        if address is None:
            table.problem(key, f"{text!r} is not a plain mail address")
        else:
            found.add(address)
    return frozenset(found)


def _senders(table: Table, outward: bool) -> frozenset[str]:
    if not outward:
        return _addresses(table, "from")
    asked = "whose mail is the application's: name the envelope senders or authors of its notifications"
    if not table.has("from"):
        table.problem("from", f"is missing: {asked}")
    senders = _addresses(table, "from") if table.has("from") else frozenset()
    if not senders and not table.has_problem("from"):
        table.problem("from", f"must not be empty: {asked}")
    return senders


def _globs(table: Table, key: str, default: list[str]) -> tuple[Pattern, ...]:
    found = []
    for text in table.strings(key, default):
        try:
            pattern = glob(text)
        except PatternError as error:
            table.problem(key, f"{text!r}: {error}")
            continue
        if _takes_reserved(pattern.local):
            table.problem(key, f"{text!r} {_RESERVED}")
        found.append(pattern)
    return tuple(found)


def _usual_bounces(preset: Preset, address: Pattern) -> list[str]:
    prefix = address.source.partition("{key}")[0].replace("{any}", "*")
    return [f"{bounce.format(prefix=prefix)}@{address.domain}" for bounce in preset.bounces]


def _check_verification(table: Table, verifies: bool, described: bool, outward: bool) -> None:
    """Look whether ``native``, ``[handler.verify]`` and ``outward`` say the same."""
    if verifies and not described:
        table.problem("native", '"verify" needs a table [handler.verify]')
    if described and not verifies and not table.has_problem("native"):
        table.problem("native", 'must be "verify" where there is a table [handler.verify]')
    if not outward and not verifies and not table.has_problem("native"):
        table.problem("outward", 'false needs native = "verify": else this handler would let nobody in')


def _native(table: Table) -> tuple[int | None, bool]:
    """Read ``native``, a word or a date, as ``Wrap.native_passes_until``, and whether it is to be verified."""
    if table.holds("native", date):
        return _midnight(table.take("native", date.min)), False
    word = table.take("native", "refuse", _native_word)
    if word in _WORDS:
        return _WORDS[word], word == "verify"
    return _midnight(date.fromisoformat(word)), False


def _native_word(word: str) -> str | None:
    return None if word in _WORDS or (_DATE.fullmatch(word) and _is_date(word)) else f"{_NATIVE}, not {word!r}"


def _is_date(word: str) -> bool:
    try:
        date.fromisoformat(word)
    except ValueError:
        return False
    return True


def _midnight(day: date) -> int:
    """Unix seconds at the beginning of ``day``, in UTC; of a moment, those of its day."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def wrap_warnings(handlers: Handlers, applications: Sequence[Application]) -> Iterator[str]:
    """What an operator may have overlooked about wrapped handlers."""
    for handler in handlers.by_id.values():
        if handler.wrap is None:
            continue
        if handler.policy.replies_per_token == 1:
            yield (
                f"handler {handler.name}: replies_per_token is 1, but two notifications of one minute may have one"
                " address: only one of them can be answered"
            )
        if not handler.wrap.outward:
            continue
        known = [one for one in applications if handler.name in one.handlers and (one.logins or one.networks)]
        if not known:
            yield (
                f"handler {handler.name}: no [[sign.application]] with logins or networks names it: no notification is"
                " wrapped"
            )
        for application in known:
            if not application.logins:
                yield (
                    f"sign.application {application.name}: any program of its networks can have an address of"
                    f" {handler.name} that it knows wrapped for itself: add logins"
                )
