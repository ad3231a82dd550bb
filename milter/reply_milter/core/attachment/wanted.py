"""What is to be attached, as the fragments of contrib/postfix say it, for this host's domains and sockets."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from reply_milter.core.attachment.change import Texts
from reply_milter.core.attachment.names import DELIVERY
from reply_milter.core.diagnosis.postfix import syntax

_PLACEHOLDER: Final = "192.0.2.25:smtp"  # of own-smtpd.master.cf
_MAIL_BASE: Final = "reply_mail_base"
_MAILBOX: Final = "reply@$reply_domain"
_OF_DOMAIN: Final = re.compile(r"\{[^{}]{0,512}\$reply_domain[^{}]{0,512}\}")  # an entry of an inline: table


@dataclass(frozen=True, slots=True)
class Choice:
    """What the operator chose. ``layout``: 1, every smtpd asks; 2, a separate one at ``listen`` (``HOST:SERVICE``)."""

    layout: int = 1
    hook: bool = False
    sign: bool = False
    listen: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """The fragments, in the order in which they are read."""
        domain = ("reply-domain.main.cf", "shared-smtpd.main.cf" if self.layout == 1 else "own-smtpd.main.cf")
        delivery = ("reply-hook.main.cf", "reply-hook.master.cf") if self.hook else ("reply-delivery.master.cf",)
        own = ("own-smtpd.master.cf",) if self.layout == 2 else ()
        sign = ("submission.main.cf", "submission.master.cf") if self.sign else ()
        return (*domain, *delivery, *own, *sign)


@dataclass(frozen=True, slots=True)
class Wanted:
    """``domains``: of reply addresses, the one that mints first. ``mailbox`` may be empty, as in ``AddressForm``.

    ``given``: values of settings of ours that this host's configuration decides, such as ``reply_milter``.
    """

    choice: Choice
    domains: tuple[str, ...]
    mailbox: str
    delimiter: str
    given: Mapping[str, str] = field(default_factory=dict)

    def settings(self, fragments: Texts) -> dict[str, str]:
        """Return the settings of main.cf in the fragments, for this host; in their order."""
        found: dict[str, str] = {}
        for file in self.choice.files:
            if file.endswith(".main.cf"):
                found |= dict(syntax.entries(fragments[file]))
        if self.choice.hook:
            found.pop(_MAIL_BASE, None)  # of the Maildir
        return {name: self.given.get(name, self._for_host(syntax.one_line(value))) for name, value in found.items()}

    def services(self, fragments: Texts) -> dict[str, str]:
        """Return the services of master.cf in the fragments, as one line each, by name/type."""
        lines = [
            self._for_host(line)
            for file in self.choice.files
            if file.endswith(".master.cf")
            for line in service_lines(fragments[file])
        ]
        return {"/".join(line.split()[:2]): line for line in lines}

    def pattern(self) -> str:
        """Return a regular expression for all domains, without anchors; nothing in it is special to main.cf."""
        return f"({'|'.join(domain.replace('.', '[.]') for domain in self.domains)})"

    def _for_host(self, text: str) -> str:
        text = text.replace(_MAILBOX, f"{self.mailbox}@$reply_domain").replace(_PLACEHOLDER, self.choice.listen)
        others = self.domains[1:]
        if not others:
            return text
        text = text.replace("@$reply_domain$$", f"@{self.pattern()}$$")
        return _OF_DOMAIN.sub(lambda entry: ",".join([entry[0], *_copies(entry[0], others)]), text)


def _copies(entry: str, domains: tuple[str, ...]) -> list[str]:
    return [entry.replace("$reply_domain", domain) for domain in domains]


def service_lines(text: str) -> list[str]:
    """Return each service of a fragment of master.cf on one line, its fields separated by a blank."""
    lines: list[str] = []
    for line in text.split("\n"):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0].isspace():
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(syntax.one_line(line))
    return lines


def nexthop_settings(place: str, concurrency: int) -> dict[str, str]:
    """Return the settings of the hook's transport, as docs/delivery.md has them for a unix socket and for TCP."""
    if place.startswith("unix:"):
        return {"reply_nexthop": place, **_limits(concurrency)}
    return {"reply_nexthop": place, "reply_handler_queues": "", **_limits(concurrency * 3 // 2)}


def _limits(number: int) -> dict[str, str]:
    transport = DELIVERY.partition("/")[0]
    kinds = ("initial_destination_concurrency", "destination_concurrency_limit")
    return {f"{transport}_{kind}": str(number) for kind in kinds}


def service_options(line: str) -> dict[str, str]:
    """Return the values of ``-o name=value`` in a line of a service, without braces."""
    words = list(syntax.elements(line.replace(",", "\0")))
    pairs = [
        (syntax.inside_braces(word) or word).replace("\0", ",").partition("=")
        for option, word in pairwise(words)
        if option == "-o"
    ]
    return {name.strip(): value.strip() for name, _, value in pairs}
