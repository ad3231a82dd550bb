"""The text language of the cases in ``cases/``: one small SMTP conversation a file, and what is to come of it.

A line is a word and its rest; ``#`` starts a comment. ``{name}`` stands for an address minted as NAME, ``{name.id}``
for the Message-ID that it answers, ``{name.bare}`` for that without its brackets.

    MINT name [handler=issue] [user=42] [locator=a/b | context=7] [to=ADDRESS] [days_ago=N]
    FROM <sender>                        starts a message; the server must say 250
    RCPT <recipient> = 250               the answer begins so
    HEAD Name: value                     also with a leading space, for a folded line
    BODY text                            \\xNN in either is an octet of that value
    WOULD discard                        what the next SEND comes to, where the client can't hear it: see Observed
    SEND = 550 5.7.1 text                the answer to the final dot begins so
    SETTLED name 1                       wait until so many replies to NAME are committed
    UNTOUCHED name                       nothing is on record about NAME's address
    ARRIVED 1 replies|people             how many messages of this case lie there now
    TAGS a=b c=d                         of the last message that arrived: these tags, under a good seal
    NOTAGS a b                           these tags are absent
    HELD 1                               how many messages of this case lie in the hold queue
    FIELD Name: value                    the last message that arrived has this field
    NOVERDICT                            the last message that arrived bears no verdict at all

A line ``ONLY postfix`` or ``ONLY sendmail`` says that the case can't be the same on the other; a comment says why.
"""

import re
from dataclasses import dataclass, field

from reply_milter.core.token.mint import MintedAddress
from tests.support.hosts.site_under_test import Arrived, Site

SENDER = "alice@client.example"


def runs_on(text: str, mta: str) -> bool:
    """Whether a case is for ``postfix`` or ``sendmail``."""
    only = re.findall(r"(?m)^ONLY (\w+)$", text)
    return not only or mta in only


@dataclass
class Conversation:
    """Runs the lines of one case against a site."""

    site: Site
    name: str
    minted: dict[str, MintedAddress] = field(default_factory=dict)
    head: list[str] = field(default_factory=list)
    body: list[str] = field(default_factory=list)
    last: Arrived | None = None
    answers: list[str] = field(default_factory=list)

    def run(self, text: str) -> None:
        """Do what each line says; an assertion names the line that failed."""
        self.client = self.site.client()
        with self.client:
            for number, line in enumerate(text.splitlines(), 1):
                if line.strip() and not line.startswith("#"):
                    word, _, rest = line.partition(" ")
                    try:
                        getattr(self, f"do_{word.lower()}")(self._fill(rest))
                    except AssertionError as error:
                        raise AssertionError(f"{self.name} line {number}: {line}\n{error}") from error

    def _fill(self, text: str) -> str:
        def value(match: re.Match[str]) -> str:
            minted = self.minted[match[1]]
            return {".id": f"<{minted.message_id}>", ".bare": minted.message_id}.get(match[2], minted.address)

        return re.sub(r"\{(\w+)(\.id|\.bare)?\}", value, text)

    def do_mint(self, rest: str) -> None:
        name, *pairs = rest.split()
        given: dict[str, str] = dict(pair.split("=", 1) for pair in pairs)
        order: dict[str, object] = {"user": int(given.get("user", "42")), "recipient": given.get("to", "")}
        if "context" in given:
            order["context"] = int(given["context"])
        else:
            order["locator"] = given.get("locator", "shop/issue/1")
        days = float(given.get("days_ago", "0"))
        self.minted[name] = self.site.mint(given.get("handler", "issue"), days_ago=days, **order)

    def do_from(self, rest: str) -> None:
        self.head, self.body = [], []
        code, text = self.client.docmd(f"MAIL FROM:{rest}")
        assert code == 250, f"{code} {text!r}"

    def do_rcpt(self, rest: str) -> None:
        recipient, _, wanted = rest.rpartition(" = ")
        self._expect(wanted, self.client.docmd(f"RCPT TO:{recipient}"))

    def do_head(self, rest: str) -> None:
        self.head.append(_octets(rest))

    def do_body(self, rest: str) -> None:
        self.body.append(_octets(rest))

    def do_would(self, _rest: str) -> None:
        """For observe mode."""

    def do_send(self, rest: str) -> None:
        # A date of the client's own: Postfix gives local clients a new one at each try.
        marks = [f"X-Case: {self.name}", f"X-Seq: {self.name}-{len(self.answers)}"]
        lines = [*marks, "Date: Sat, 21 Nov 2026 12:00:00 +0000", *self.head, "", *self.body, ""]
        answer = self.client.data("\r\n".join(lines).encode("utf-8", "surrogateescape"))
        self.answers.append(answer[1].decode(errors="replace"))
        self._expect(rest.removeprefix("= "), answer)
        self.client.rset()

    def do_only(self, _rest: str) -> None:
        """For ``runs_on``."""

    def do_rset(self, _rest: str) -> None:
        self.client.rset()

    def do_settled(self, rest: str) -> None:
        name, count = rest.split()
        self.site.settled(self.minted[name], int(count))

    def do_untouched(self, rest: str) -> None:
        assert not self.site.on_record(self.minted[rest.strip()])

    def do_arrived(self, rest: str) -> None:
        count, where = rest.split()
        found = self.site.arrived("X-Case", self.name, int(count), where)
        assert len(found) == int(count), f"{len(found)} arrived"
        self.last = found[-1] if found else None

    def do_held(self, rest: str) -> None:
        queued = self.site.mta.queue(held=True)
        ours = [answer for answer in self.answers if any(identifier in answer for identifier in queued)]
        assert len(ours) == int(rest), f"{self.answers}"

    def do_tags(self, rest: str) -> None:
        assert self.last is not None
        assert isinstance(self.last.tags, dict), f"the verdict is {self.last.tags}: {self.last.fields}"
        wanted: dict[str, str] = dict(pair.split("=", 1) for pair in rest.split())
        found = {name: self.last.tags.get(name) for name in wanted}
        assert found == wanted, f"{self.last.tags}"

    def do_notags(self, rest: str) -> None:
        assert self.last is not None
        assert isinstance(self.last.tags, dict)
        assert not set(rest.split()) & set(self.last.tags), f"{self.last.tags}"

    def do_field(self, rest: str) -> None:
        assert self.last is not None
        name, _, value = rest.partition(": ")
        assert value in self.last.values(name), f"{self.last.fields}"

    def do_noverdict(self, _rest: str) -> None:
        assert self.last is not None
        assert not self.last.values("X-Reply-Verdict"), f"{self.last.fields}"

    def _expect(self, wanted: str, answer: tuple[int, bytes]) -> None:
        heard = f"{answer[0]} {answer[1].decode(errors='replace')}"
        # In front of our words Postfix repeats the recipient as <...>: and Sendmail as <...>...
        plain = re.sub(r"<[^ ]*>(?::|\.\.\.) ", "", heard)
        assert plain.startswith(wanted), f"heard {heard!r}"


def _octets(text: str) -> str:
    def octet(match: re.Match[str]) -> str:
        number = int(match[1], 16)
        return chr(number if number < 0x80 else 0xDC00 + number)

    return re.sub(r"\\x([0-9a-f]{2})", octet, text)
