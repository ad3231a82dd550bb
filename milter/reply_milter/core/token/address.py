"""Decide which recipients are reply addresses, and accept only one spelling of each.

A dozen spellings of a recipient reach the same mailbox (quoted local part, source route, percent hack, bang
path, comments, a trailing dot), and the MTA shows a milter the client's spelling. The MTA would deliver a reply
unverified if we did not recognise its spelling, so two readings must agree: our strict one of the RCPT argument, and
the MTA's own, ``{rcpt_addr}``. A recipient that the MTA would deliver to us in another spelling is refused.
"""

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from reply_milter.core.mail.domain import to_ascii
from reply_milter.core.token.token import CHECKSUM_CEILING, CHECKSUM_FLOOR, KEY_LENGTH, LOCAL_PART_OCTETS, USER_LENGTH
from reply_text.syntax.comments import without_comments

RESERVED: Final = frozenset({"postmaster", "abuse", "hostmaster", "webmaster", "mailer-daemon"})
MAILBOX: Final = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.ASCII)

# RFC 5321 Dot-string without the routing characters `%` and `!`; RFC 6531 allows any non-ASCII beside it.
_ATOM: Final = r"[A-Za-z0-9#$&'*+/=?^_`{|}~\u0080-\U0010ffff-]+"
_PLAIN: Final = re.compile(rf"(?:<(?=.*>\Z)|(?!.*>))({_ATOM}(?:\.{_ATOM})*)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)>?")


@dataclass(frozen=True, slots=True)
class AddressForm:
    """The form of reply addresses on this host. ``mailbox`` may be empty: then the whole local part is the GLOB.

    ``prefix``: the part of a local part before the GLOB. ``checksum_length``: n, in characters, as long as 64 octets
    allow, at most 26; may be below the minimum: see ``too_long``. ``own_domains``: all of them.
    """

    mailbox: str
    delimiter: str
    mint_domain: str
    accept_domains: frozenset[str]
    prefix: str = field(init=False)
    checksum_length: int = field(init=False)
    own_domains: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        prefix = self.mailbox + self.delimiter if self.mailbox else ""
        length = min(CHECKSUM_CEILING, LOCAL_PART_OCTETS - len(prefix) - USER_LENGTH - KEY_LENGTH)
        object.__setattr__(self, "prefix", prefix)
        object.__setattr__(self, "checksum_length", length)
        object.__setattr__(self, "own_domains", self.accept_domains | {self.mint_domain})

    @property
    def too_long(self) -> bool:
        """Return whether the mailbox leaves a checksum of less than 80 bits."""
        return self.checksum_length < CHECKSUM_FLOOR

    @property
    def token_length(self) -> int:
        """The only length of a GLOB, in characters."""
        return USER_LENGTH + KEY_LENGTH + self.checksum_length

    def write(self, token_text: str) -> str:
        """Return the reply address for a GLOB, without angle brackets."""
        return f"{self.prefix}{token_text}@{self.mint_domain}"

    def owns(self, local: str, domain: str) -> bool:
        """Return whether ``local@domain`` is a recipient that we decide about; compared without case."""
        return self.owns_domain(domain) and self.owns_local(local)

    def owns_domain(self, domain: str) -> bool:
        """Return whether ``domain`` is an accept domain, with or without a trailing dot (RFC 1034 section 3.1)."""
        name = domain.lower().removesuffix(".") if domain.isascii() else to_ascii(domain)
        return name in self.accept_domains

    def owns_local(self, local: str) -> bool:
        """Return whether ``local`` at an accept domain is one of ours."""
        folded = local.casefold()
        if folded in RESERVED:
            return False
        if not self.mailbox:
            return True
        if self.delimiter == "-":  # `reply-to@` may be a mailbox: ours are only those with a token's length
            return folded.startswith(self.prefix) and len(local) == len(self.prefix) + self.token_length
        return folded == self.mailbox or folded.startswith(self.prefix)

    def begins_plainly(self, local: str) -> bool:
        """Return whether the mailbox of one of our local parts is spelled in ASCII: U+212A folds to ``k``."""
        start = local[: len(self.prefix)]
        return start.isascii() and start.lower() in (self.mailbox, self.prefix)

    def token_text(self, local: str) -> str:
        """Return the part of one of our local parts that should be a GLOB; empty for the bare mailbox."""
        return local[len(self.prefix) :]


@dataclass(frozen=True, slots=True)
class Ordinary:
    """A recipient that is no reply address: we do not decide about it."""


@dataclass(frozen=True, slots=True)
class Misspelt:
    """A reply address that is not in the canonical spelling. ``disagreement``: the MTA reads another address."""

    disagreement: bool = False


class ReplyAddress(NamedTuple):
    """A reply address in the canonical spelling. ``local``: as the client spelled it; ``domain``: in lower case."""

    local: str
    domain: str


Recipient = Ordinary | Misspelt | ReplyAddress
_ORDINARY: Final = Ordinary()


def parse_plain(argument: str) -> tuple[str, str] | None:
    """Return local part and domain of a plainly spelled RCPT argument; None for every other spelling.

    Angle brackets may be missing: Postfix passes none for local submissions.
    """
    match = _PLAIN.fullmatch(argument)
    return (match[1], match[2]) if match else None


def classify(form: AddressForm, argument: str, resolved: str | None) -> Recipient:
    """Decide whether this recipient is a reply address.

    ``argument`` is the raw RCPT argument, ``resolved`` the MTA's ``{rcpt_addr}``: a whole address, or only a local
    part (Sendmail's local mailer), or None if the MTA gives none.
    """
    plain = parse_plain(argument)
    if plain is None:
        return Misspelt() if _reaches_us(form, argument, resolved) else _ORDINARY
    ours = form.owns(*plain)
    if not ours and (resolved == "@".join(plain) or not _mta_delivers_to_us(form, resolved)):
        return _ORDINARY
    if not ours or not same_address(plain, resolved):
        return Misspelt(disagreement=True)
    if not form.begins_plainly(plain[0]):
        return Misspelt()
    return ReplyAddress(plain[0], plain[1].lower())


def _mta_delivers_to_us(form: AddressForm, resolved: str | None) -> bool:
    if resolved is None or "@" not in resolved:
        return False  # a bare local part: the argument has its domain
    return form.owns(*resolved.rsplit("@", 1))


def same_address(plain: tuple[str, str], resolved: str | None) -> bool:
    """Return whether the MTA reads the same address. Both are folded: Postfix case-folds its macro."""
    if resolved is None:
        return True
    whole = "@".join(plain) if "@" in resolved else plain[0]
    return whole.casefold() == resolved.casefold()


def _reaches_us(form: AddressForm, argument: str, resolved: str | None) -> bool:
    """Return whether the MTA would deliver an oddly spelled recipient to us, by its reading or our loose one."""
    if resolved is not None and "@" in resolved and _mta_delivers_to_us(form, resolved):
        return True
    local, domain = _loose(argument)
    if form.owns_domain(domain):
        return form.owns_local(_routed(local))
    if resolved is None or "@" in resolved or not form.owns_local(resolved):
        return False
    # The MTA reads a mailbox of our name. It is ours if the argument has no domain, or an address of this host as its
    # domain; at another domain, only if the local part routes to us (percent hack, bang path, nested address).
    here = not domain or domain.startswith("[")
    return bool(here and form.mailbox) or any(name in local.casefold() for name in form.accept_domains)


def loose_readings(argument: str) -> list[tuple[str, str]]:
    """The mailboxes, as local part and domain, to which MTAs might deliver an odd spelling; either part may be empty.

    White space, comments, brackets, routes, quotes and backslashes are gone. Of a percent hack, a bang path or a nested
    address, the outer domain may be the one, and the one next to the mailbox.
    """
    local, domain = _loose(argument)
    host, _, last = local.rpartition("!")
    hop = _routed(local)
    inner = last[len(hop) :].lstrip("%@").replace("%", "@").split("@", 1)[0]
    return [(hop, one) for one in dict.fromkeys((domain, inner, host.rpartition("!")[2])) if one]


def _loose(argument: str) -> tuple[str, str]:
    """Read an address as liberally as MTAs do: no comments, white space, brackets, route, quotes, backslashes."""
    text = without_comments(argument).strip()
    start, end = text.rfind("<"), text.find(">")
    text = text[start + 1 : end if end > start else None].strip()
    if text.startswith("@"):  # a source route, RFC 5321 appendix F.2
        text = text.partition(":")[2]
    local, at, domain = text.rpartition("@")
    if not at:
        local, domain = domain, ""
    local = re.sub(r"\\(.)", r"\1", local.replace('"', ""))
    return "".join(local.split()), "".join(domain.split())


def _routed(local: str) -> str:
    """Return the last hop of a local part with a route: ``user%domain``, ``host!user``, ``user@domain``."""
    return local.rsplit("!", 1)[-1].split("%", 1)[0].split("@", 1)[0]
