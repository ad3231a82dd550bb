"""The published test vectors, against this implementation and against the one that wrote them."""

import json
import re
from typing import Any

import pytest

from reply_milter.core.encoding.tlv import tlv
from reply_milter.core.mail import domain, message_id
from reply_milter.core.mail.fingerprint import BodyDigest, squeeze
from reply_milter.core.mail.headers import VERDICT
from reply_milter.core.seal import verdict_header
from reply_milter.core.seal.verdict_header import SealProblem
from reply_milter.core.token import token
from reply_milter.core.token.address import AddressForm, ReplyAddress, classify
from reply_milter.core.token.keyring import Keyring, KeyState, MasterKey, UserKey, derive
from reply_milter.core.token.token import Token, TokenText
from reply_milter.core.token.verify import FUTURE_SECONDS
from reply_text.syntax import message_file
from tests.support.vector_file import FOLDER, cases
from tests.vectors import formats, generate, token_groups

Json = dict[str, Any]

DOCUMENTS = FOLDER.parent.parent / "docs"


def agrees(test: Json, holds: bool) -> bool:
    """Whether a check came out as the vector says."""
    return holds is (test["result"] == "valid")


def user_key(group: Json) -> UserKey:
    return UserKey("k", bytes.fromhex(group["userKey"]))


@pytest.mark.parametrize("group,test", cases("token.json", "UserKey"))
def test_user_keys_are_derived_as_the_vectors_say(group: Json, test: Json) -> None:
    """HKDF-Expand over realm and user; the invalid ones are likely mistakes."""
    master = MasterKey("k", KeyState.ACTIVE, bytes.fromhex(test["masterKey"]))
    assert tlv("reply-milter/1/user", test["realm"], test["user"].to_bytes(5)).hex() == test["info"]
    assert agrees(test, derive(test["realm"], master, test["user"]).secret.hex() == test["userKey"])


@pytest.mark.parametrize("group,test", cases("token.json", "Key"))
def test_key_is_laid_out_as_the_vectors_say(group: Json, test: Json) -> None:
    """110 bits, written as 22 characters and hashed as 14 octets."""
    numbers = {name: test[name] for name in ("version", "handler", "issued", "sender")}
    made = Token(user=0, context=int(test["context"]), **numbers)
    assert made.key_octets().hex() == test["keyOctets"]
    assert made.unsigned() == "0" * token.USER_LENGTH + test["key"]


@pytest.mark.parametrize("group,test", cases("token.json", "Issued"))
def test_issue_times_are_counted_as_the_vectors_say(group: Json, test: Json) -> None:
    """Whole minutes since 2025, never modular."""
    minutes = token.issued_minutes(test["unix"])
    assert agrees(test, minutes == test["issued"] and 0 <= minutes < token.ISSUED_LIMIT)


@pytest.mark.parametrize("group,test", cases("token.json", "Lifetime"))
def test_tokens_begin_and_end_as_the_vectors_say(group: Json, test: Json) -> None:
    """Five minutes of clock skew at the start, none at the end."""
    made = Token(user=0, handler=0, issued=test["issued"], context=0)
    assert made.expires_at(test["validityDays"]) == test["expires"]
    assert agrees(test, made.issued_at - FUTURE_SECONDS <= test["now"] < test["expires"])


@pytest.mark.parametrize("group,test", cases("token.json", "Thread"))
def test_threads_are_digested_as_the_vectors_say(group: Json, test: Json) -> None:
    """55 bits over the whole Message-ID."""
    assert agrees(test, str(user_key(group).thread(test["messageId"])) == test["context"])


@pytest.mark.parametrize("group,test", cases("token.json", "MessageId"))
def test_message_ids_are_read_as_the_vectors_say(group: Json, test: Json) -> None:
    """Locator and replied-to of the recommended form, and of no other."""
    found = message_id.parse(test["messageId"])
    assert agrees(test, found is not None)
    if found is not None:
        assert (found.locator, found.replied_to) == (test["locator"], test["repliedTo"])


@pytest.mark.parametrize("group,test", cases("token.json", "Mintable"))
def test_addresses_are_minted_for_ids_that_a_reply_can_name(group: Json, test: Json) -> None:
    """And for nothing else: the digest would match no reply."""
    assert agrees(test, message_id.is_usable(test["messageId"]))


@pytest.mark.parametrize("group,test", cases("token.json", "Sender"))
def test_senders_are_tagged_as_the_vectors_say(group: Json, test: Json) -> None:
    """One tag for all spellings of a mailbox; 0 for what stays unbound."""
    normalised = domain.normalise(test["address"])
    tag = user_key(group).sender(normalised) if normalised else 0
    assert agrees(test, (normalised, tag) == (test["normalised"], test["sender"]))


@pytest.mark.parametrize("group,test", cases("token.json", "Address"))
def test_addresses_are_read_as_the_vectors_say(group: Json, test: Json) -> None:
    """A valid address is opened to its fields, an invalid one is not opened."""
    found = opened(group, test["address"])
    assert agrees(test, found is not None)
    if found is not None and "user" in test:
        assert fields(found.token) == {name: test[name] for name in ("user", "handler", "issued", "context", "sender")}
        assert found.checksum == test["checksum"]
    if found is not None and "sameAs" in test:
        assert found == opened(group, test["sameAs"])


@pytest.mark.parametrize("group,test", cases("token.json", "Address", "user"))
def test_addresses_are_minted_as_the_vectors_say(group: Json, test: Json) -> None:
    """The same fields and key make the same address, in lower case and in at most 64 octets."""
    form = address_form(group)
    key = derive(group["realm"], MasterKey("k", KeyState.ACTIVE, bytes.fromhex(test["masterKey"])), test["user"])
    numbers = {name: test[name] for name in ("user", "handler", "issued", "sender")}
    made = Token(context=int(test["context"]), **numbers)
    address = form.write(made.unsigned() + key.checksum(made, form.checksum_length))
    assert form.checksum_length == group["n"]
    assert address == test["address"]
    assert len(address.split("@")[0]) <= token.LOCAL_PART_OCTETS


def address_form(group: Json) -> AddressForm:
    return AddressForm(group["mailbox"], group["delimiter"], group["domain"], frozenset({group["domain"]}))


def opened(group: Json, address: str) -> TokenText | None:
    """The token of an address whose checksum a live key of the group makes."""
    form = address_form(group)
    states = [KeyState.VERIFY] * (len(group["masterKeys"]) - 1) + [KeyState.ACTIVE]
    masters = [bytes.fromhex(text) for text in group["masterKeys"]]
    keys = (MasterKey(str(i), state, secret) for i, (state, secret) in enumerate(zip(states, masters, strict=True)))
    found = classify(form, address, None)
    if not isinstance(found, ReplyAddress):
        return None
    token_text = token.parse(form.token_text(found.local), form.checksum_length)
    return token_text if token_text is not None and Keyring(group["realm"], tuple(keys)).verify(token_text) else None


def fields(made: Token) -> Json:
    numbers = {"user": made.user, "handler": made.handler, "issued": made.issued, "sender": made.sender}
    return {**numbers, "context": str(made.context)}


@pytest.mark.parametrize("group,test", cases("token.json", "ReplyId"))
def test_replies_are_named_as_the_vectors_say(group: Json, test: Json) -> None:
    """The token's id, and behind it that of the message, by its Message-ID or else by its content."""
    key, token_text = user_key(group), group["glob"]
    if "messageId" in test:
        tag = key.message_id_tag(token_text, test["messageId"])
    else:
        author, date = squeeze(test["from"]), squeeze(test["date"])
        tag = key.content_tag(token_text, author, date, bytes.fromhex(test["bodyDigest"]))
    assert key.token_id(token_text) == test["tokenId"]
    assert agrees(test, key.token_id(token_text) + tag == test["id"])


@pytest.mark.parametrize("group,test", cases("verdict.json", "BodyDigest"))
def test_bodies_are_digested_as_the_vectors_say(group: Json, test: Json) -> None:
    """SHA-256 without white space, however the body arrives in pieces."""
    digest = BodyDigest()
    for octet in bytes.fromhex(test["body"]):
        digest.feed(bytes([octet]))
    assert agrees(test, digest.text() == test["digest"])


@pytest.mark.parametrize("group,test", cases("verdict.json", "Verdict"))
def test_verdicts_are_opened_as_the_vectors_say(group: Json, test: Json) -> None:
    """One field, a whole list, a good seal, and the body that was sealed."""
    digest = BodyDigest()
    digest.feed(bytes.fromhex(test["body"]))
    tags = verdict_header.unseal(test["fields"], [bytes.fromhex(key) for key in group["sealKeys"]])
    trusted = not isinstance(tags, SealProblem) and tags.get("body") == digest.text()
    assert agrees(test, trusted)
    if not isinstance(tags, SealProblem) and trusted:
        assert list(tags.items()) == list(test["tags"].items())


@pytest.mark.parametrize("group,test", cases("verdict.json", "Message"))
def test_messages_are_split_and_opened_as_the_vectors_say(group: Json, test: Json) -> None:
    """From the octets of the message alone: which lines are fields, where the body begins, and what the seal says."""
    found, body = message_file.split(bytes.fromhex(test["message"]))
    digest = BodyDigest()
    digest.feed(body)
    values = [value for name, value in found if name.lower() == VERDICT.lower()]
    tags = verdict_header.unseal(values, [bytes.fromhex(key) for key in group["sealKeys"]])
    trusted = not isinstance(tags, SealProblem) and tags.get("body") == digest.text()
    assert body.hex() == test["body"]
    assert agrees(test, trusted)
    assert not trusted or tags == test["tags"]


@pytest.mark.parametrize("group,test", cases("verdict.json", "Verdict", "tags"))
def test_verdicts_are_sealed_as_the_vectors_say(group: Json, test: Json) -> None:
    """The same tags and key make the same seal, whatever the folding."""
    *tags, (_, seal) = test["tags"].items()
    made = [verdict_header.seal(tags, bytes.fromhex(key)) for key in group["sealKeys"]]
    assert sum(seal in re.sub(r"\s", "", value) for value in made) == 1


@pytest.mark.parametrize("name", generate.FILES)
def test_the_committed_vectors_are_those_that_the_generator_computes(name: str) -> None:
    """Byte for byte: a change of the format can't slip in with a change of its vectors."""
    assert (FOLDER / name).read_bytes() == generate.FILES[name]().encode("ascii")


@pytest.mark.parametrize("name", generate.FILES)
def test_the_vectors_are_numbered_and_every_flag_is_explained(name: str) -> None:
    """What readers of Wycheproof's schema rely on."""
    whole = json.loads((FOLDER / name).read_text())
    tests = [test for group in whole["testGroups"] for test in group["tests"]]
    assert [test["tcId"] for test in tests] == list(range(1, whole["numberOfTests"] + 1))
    assert {flag for test in tests for flag in test["flags"]} == set(whole["notes"])
    assert {test["result"] for test in tests} == {"valid", "invalid"}


def test_the_documents_worked_example_is_what_this_program_computes() -> None:
    """Every intermediate value of docs/token-format.md, recomputed."""
    text = (DOCUMENTS / "token-format.md").read_text(encoding="utf-8")
    master = MasterKey("k", KeyState.ACTIVE, formats.MASTER)
    key = derive(formats.REALM, master, formats.USER)
    context, tag = key.thread(formats.MESSAGE_ID), key.sender(token_groups.RECIPIENT)
    made = Token(formats.USER, formats.HANDLER, formats.ISSUED, context, tag)
    user = formats.USER.to_bytes(5)
    token_text = made.unsigned() + key.checksum(made, 26)
    shown = {
        "user key info": tlv("reply-milter/1/user", formats.REALM, user).hex(),
        "user key": key.secret.hex(),
        "thread input": tlv("thread", formats.MESSAGE_ID).hex(),
        "thread digest": key.digest("thread", formats.MESSAGE_ID).hex(),
        "context": str(context),
        "sender input": tlv("sender", token_groups.RECIPIENT).hex(),
        "sender digest": key.digest("sender", token_groups.RECIPIENT).hex(),
        "sender": str(tag),
        "key octets": made.key_octets().hex(),
        "checksum input": tlv("token", bytes([26]), user, made.key_octets()).hex(),
        "checksum digest": key.digest("token", bytes([26]), user, made.key_octets()).hex(),
        "checksum": key.checksum(made, 26),
        "address": f"reply+{token_text}@{formats.DOMAIN}",
        "token id": key.token_id(token_text),
        "reply id": key.token_id(token_text) + key.message_id_tag(token_text, "CAF+reply1@mail.example.com"),
        "expires": str(made.expires_at(90)),
    }
    assert [name for name, value in shown.items() if value not in text] == []


def test_the_documents_verdict_is_the_first_of_the_vectors() -> None:
    """The field that docs/verdict-header.md shows has a good seal."""
    text = (DOCUMENTS / "verdict-header.md").read_text(encoding="utf-8")
    shown = re.search(r"X-Reply-Verdict: (v=1;.*?)\n\n", text, re.DOTALL)
    assert shown is not None
    assert re.sub(r"\s", "", shown[1]) == first_verdict()


def first_verdict() -> str:
    whole = json.loads((FOLDER / "verdict.json").read_text())
    return str(next(group for group in whole["testGroups"] if group["type"] == "Verdict")["tests"][0]["fields"][0])
