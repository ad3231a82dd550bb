"""The libraries agree with this program about what no vector names: thousands of made-up inputs."""

import base64
import random
from typing import Any

import pytest

from reply_milter.adapters.handlers.webhook import signature
from reply_milter.core.delivery import payload
from reply_milter.core.delivery.sample_reply import sample_reply
from reply_milter.core.mail.domain import normalise
from reply_milter.core.notification import mint_request
from reply_milter.core.seal.sealed_reply import SealedReply, open_reply
from reply_milter.core.token.mint import MintError
from reply_milter.mint import Minter, handler
from tests.support.languages import LANGUAGES, Language
from tests.vectors import formats, raw_messages, verdict_groups

every = pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.name)
AT = 1767225600
HANDLERS = {"issue": (1, "thread", 90), "vote": (7, "integer", 30)}
FORMS = [("reply", "+"), ("no-reply-to", "-"), ("incoming.reply1", "+"), ("", "+")]


def _site(mailbox: str, delimiter: str) -> dict[str, Any]:
    handlers = {
        name: {"id": number, "context": context, "validityDays": days}
        for name, (number, context, days) in HANDLERS.items()
    }
    return {"realm": "example", "handlers": handlers, "mailbox": mailbox, "delimiter": delimiter}


def _minter(mailbox: str, delimiter: str) -> Minter:
    handlers = [handler(number, name, context, days) for name, (number, context, days) in HANDLERS.items()]
    return Minter("example", formats.MASTER, formats.DOMAIN, handlers, mailbox, delimiter)


def _orders(seed: int) -> list[tuple[str, dict[str, Any]]]:
    """Orders by which an address can be minted."""
    chance = random.Random(seed)
    made: list[tuple[str, dict[str, Any]]] = []
    for _ in range(300):
        user, to = chance.randrange(2**40), chance.choice(["jane@example.com", "Jane+x@Example.com.", "x@[192.0.2.1]"])
        common = {"user": user, "to": to, "at": AT + chance.randrange(10**9)}
        if chance.random() < 0.5:
            made.append(("vote", {**common, "context": str(chance.randrange(2 ** chance.randint(1, 55)))}))
        else:
            made.append(("issue", {**common, "messageId": f"<{chance.randbytes(9).hex()}.\u00fc@example.com>"}))
    return made


@every
def test_they_mint_and_read_as_this_program_does(language: Language) -> None:
    """Octet for octet; and what one mints the other reads."""
    questions: list[tuple[str, object]] = []
    expected: list[tuple[Any, ...]] = []
    for seed, (mailbox, delimiter) in enumerate(FORMS):
        minter, site = _minter(mailbox, delimiter), _site(mailbox, delimiter)
        minting = {**site, "masterKey": formats.MASTER.hex(), "domain": formats.DOMAIN}
        reading = {
            **site,
            "masterKeys": [formats.OLDER_MASTER.hex(), formats.MASTER.hex()],
            "domains": [formats.DOMAIN],
        }
        for name, order in _orders(seed):
            words = {"message_id" if word == "messageId" else word: value for word, value in order.items()}
            if "context" in words:
                words["context"] = int(words["context"])
            made = minter.mint(name, **words)
            identifier = made.message_id if name == "issue" else None
            questions.append(("mint", {"site": minting, "handler": name, "order": order}))
            expected.append((made.address, made.expires, str(made.context), identifier))
            asked = {
                "site": reading,
                "address": made.address,
                "now": order["at"],
                "messageId": made.message_id.strip("<>"),
            }
            questions.append(("read", asked))
            expected.append((True, order["user"], str(made.context), name == "issue"))
    for question, found, wanted in zip(questions, language.ask(questions), expected, strict=True):
        if question[0] == "read":
            assert tuple(found[name] for name in ("valid", "user", "context", "answers")) == wanted, question
        else:
            told = (found["address"], found["expires"], found["context"])
            assert told == wanted[:3] and wanted[3] in (None, found["messageId"]), question


_ODD = (
    "aZ09.-_+@%/:?#\\[]<>\"'( \t\x00\x7f\u00df\u1e9e\u00e9\u0130\u0131\u017f"
    "\u212a\u3002\uff0e\uff61\uff11\uff41\u200d\u00ad\u0301\u05d0\u0661\u65e5\ufe0f\U0001f642"
)


@every
def test_an_address_is_bound_as_this_program_reads_it_or_stays_unbound(language: Language) -> None:
    """Never as another one: its user's replies would be refused. In ASCII, the same."""
    chance = random.Random(7)
    addresses = ["".join(chance.choices(_ODD, k=chance.randint(0, 12))) for _ in range(1500)]
    addresses += [f"jane@{''.join(chance.choices(_ODD, k=chance.randint(0, 9)))}.example" for _ in range(2500)]
    addresses += [f"jane@{''.join(chance.choices(_ODD[:24], k=9))}" for _ in range(1000)]
    bound = 0
    for address, found in zip(addresses, language.ask(("normalise", one) for one in addresses), strict=True):
        wanted = normalise(address)
        assert found == wanted or (found is None and not address.isascii()), (address, found, wanted)
        bound += found is not None and not address.isascii()
    assert bound > 50


def test_without_its_extension_php_binds_ascii_domains_alone() -> None:
    """Unbound is safe: every reader understands it. ``-n`` reads no settings, and so loads no extension."""
    bare = Language("php", "php", "example.php", ("php", "-n"), ())
    found = bare.ask(("normalise", one) for one in ("Jane@Example.com", "jane@b\u00fccher.example", "jane@example.."))
    assert found == ["jane@example.com", None, None]


@every
def test_a_request_is_one_that_sign_mode_reads(language: Language) -> None:
    """The same numbers and names; and what sign mode would refuse is refused here."""
    chance = random.Random(3)
    odd = ["", "a;user=1", "a\nb", "A", "a" * 33, "a/b", "..", "issue"]
    asked: list[dict[str, Any]] = []
    for _ in range(1500):
        one: dict[str, Any] = {"handler": chance.choice([*odd, "issue", "x.y_z-9"])}
        one["user"] = chance.choice([str(chance.randrange(2**41)), "-1", "1e3", "", "7", " 7", "7\n"])
        if chance.random() < 0.7:
            what = chance.choice(["locator", "context", "key"])
            some = {
                "locator": [*odd, "shop/orders/7", "~a.b/c"],
                "context": ["0", str(2**55), "36028797018963967", "+1"],
            }
            one[what] = chance.choice(
                some.get(what, ["short", "0123456789abcdef", "0123456789abc;def", "0123456789abcdef\r\nX: y"])
            )
        asked.append(one)
    taken = 0
    for one, found in zip(asked, language.ask(("request", one) for one in asked), strict=True):
        if isinstance(found, dict):
            assert found == {"error": "MintError"}, one
            continue
        taken += 1
        read = mint_request.read(found)
        assert (read.handler, str(read.user), read.locator) == (one["handler"], one["user"], one.get("locator", "")), (
            one
        )
        assert read.context == (int(one["context"]) if "context" in one else None)
        assert mint_request.key_of([found]) == one.get("key", "")
        assert "\n" not in found and "\r" not in found
    assert taken > 50


def test_what_the_libraries_refuse_sign_mode_refuses_too() -> None:
    """The check itself: a line end or a second tag in a value would change the request."""
    with pytest.raises(MintError):
        mint_request.read("handler=issue; user=1; locator=a;user=2")


def _altered(seed: int) -> list[bytes]:
    """Messages with a verdict, with a few octets changed, put in, doubled or taken out."""
    chance = random.Random(seed)
    base = raw_messages.field(verdict_groups.BODY) + b"From: a@b\r\n\tc\r\n\r\n" + verdict_groups.BODY
    pieces = [
        b"\n",
        b"\r",
        b" ",
        b"\t",
        b";",
        b":",
        b"=",
        b"From ",
        b">",
        b"\0",
        b"\xff",
        b"X-Reply-Verdict: v=1\r\n",
        b"\r\n\r\n",
        b"a",
    ]
    made = [base]
    for _ in range(2000):
        message = base
        for _ in range(chance.randint(1, 3)):
            at = chance.choice([0, chance.randrange(len(message) + 1), chance.randrange(60)])
            gone = chance.choice([0, 0, 1, 2])
            message = message[:at] + chance.choice(pieces) + message[at + gone :]
        made.append(message)
    return made


@every
def test_a_message_is_trusted_where_this_program_trusts_it(language: Language) -> None:
    """Also where the header was broken on its way: the same outcome, and the same reason."""
    keys = [formats.SEAL_KEY]
    messages = _altered(11)
    questions = [("verdict", {"message": one.hex(), "keys": [key.hex() for key in keys]}) for one in messages]
    outcomes = set()
    for message, found in zip(messages, language.ask(questions), strict=True):
        opened = open_reply(message, keys)
        if isinstance(opened, SealedReply):
            wanted: list[Any] = ["park" if opened.parked else "pass", "", [opened.id, opened.user, str(opened.context)]]
        else:
            wanted = ["unverified", opened.value, None]
        assert found == wanted, message
        outcomes.add((found[0], found[1]))
    assert outcomes >= {
        ("pass", ""),
        ("unverified", "seal_broken"),
        ("unverified", "seal_missing"),
        ("unverified", "seal_doubled"),
    }


@every
def test_a_webhook_of_this_program_is_opened(language: Language) -> None:
    """Each reply by its own id; an octet changed in body or header is refused."""
    secret = bytes(range(32))
    written = f"whsec_{base64.b64encode(secret).decode()}"
    reply = sample_reply("a" * 26, AT)
    body = payload.write(reply)
    headers = signature((bytes(32), secret), reply.id, AT, body)
    good = {"headers": headers, "body": body.hex(), "secret": written, "now": AT}
    altered = [
        {**good, "body": (body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]).hex()} for at in range(0, len(body), 40)
    ]
    altered += [{**good, "headers": {**headers, name: f"{value}0"}} for name, value in headers.items()]
    first, *others = language.ask(("webhook", one) for one in [good, *altered])
    assert first == ["a" * 26, 0, "0", reply.content.stripped]
    assert others == [{"error": "WebhookError"}] * len(altered)
