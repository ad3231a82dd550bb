"""The messages of the demonstration: a genuine reply, and one of each kind of abuse."""

from dataclasses import dataclass
from email.message import Message
from typing import Protocol

from reply_milter.core.token.mint import MintedAddress

ALICE = "alice@example.com"
ELSEWHERE = "alice@elsewhere.example"


class Minting(Protocol):
    """Mints addresses."""

    def mint(self, user: int, locator: str, days_ago: int = 0) -> MintedAddress:
        """Mint an address for ``user``, as sent to Alice ``days_ago``."""
        ...


@dataclass(frozen=True, slots=True)
class Letter:
    """One message. ``shows``: its title in the table. ``answers``: a Message-ID with brackets, or empty."""

    shows: str
    to: str
    answers: str
    text: str
    message_id: str
    more: str = ""
    author: str = ALICE


def letters(site: Minting) -> list[Letter]:
    """Return the messages, in the order of sending."""
    ours = site.mint(42, "shop/orders/issue/2351")
    theirs = site.mint(42, "shop/orders/issue/77")
    old = site.mint(42, "shop/orders/issue/12", days_ago=91)
    local, at = ours.address.split("@")
    last = "a" if local[-1] != "a" else "b"
    other_user = local.replace("000000002a", "000000002b")
    answers = f"<{ours.message_id}>"
    genuine = Letter("a genuine reply", ours.address, answers, "I agree.", "<1@client.example>")
    forged_verdict = "X-Reply-Verdict: v=1; result=pass; user=1; seal=aaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
    away = "Auto-Submitted: auto-replied\r\n"
    return [
        genuine,
        Letter("a checksum made up", f"{local[:-1]}{last}@{at}", answers, "Hi", "<2@client.example>"),
        Letter("another user's id", f"{other_user}@{at}", answers, "Hi", "<3@client.example>"),
        Letter("another thread answered", ours.address, f"<{theirs.message_id}>", "Hi", "<4@client.example>"),
        Letter("an expired address", old.address, f"<{old.message_id}>", "Sorry, late", "<5@client.example>"),
        Letter("the first message again", genuine.to, genuine.answers, genuine.text, genuine.message_id),
        Letter("a second reply, same address", ours.address, answers, "One more.", "<6@client.example>"),
        Letter("with a forged verdict", ours.address, answers, "Me too", "<7@client.example>", forged_verdict),
        Letter("an out-of-office notice", ours.address, answers, "I am away", "<8@client.example>", away),
        Letter("ordinary mail", "bob@example.com", "", "Lunch?", "<9@client.example>"),
        Letter("from an address not on file", ours.address, answers, "From my phone.", "<10@elsewhere.example>",
               author=ELSEWHERE),
    ]  # fmt: skip


def confirmation(question: "Message[str, str]") -> Letter:
    """Return Alice's answer to the question."""
    return Letter(
        "Alice says that it was hers", question["Reply-To"], question["Message-ID"], "Yes.", "<11@client.example>"
    )
