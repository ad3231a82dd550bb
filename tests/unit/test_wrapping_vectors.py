"""The published vectors of wrapped addresses: against the program, and against a small reader of their page."""

import base64
import re
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.encoding.tlv import tlv, untlv
from reply_milter.core.rules.thread import ThreadMatch
from reply_milter.core.token.keyring import Keyring, KeyState, MasterKey, UserKey
from reply_milter.core.token.verify import Checked, check_token
from reply_milter.core.verdict.handler import ContextKind, Handler, Handlers
from reply_milter.core.verdict.policy import Policy
from reply_milter.core.wrapping import capsule, keys
from reply_milter.core.wrapping.plain import Plain, StoredOriginal, ThreadName, decode, encode
from reply_milter.core.wrapping.unwrap import Unwrapped, unwrap
from tests.support import wrapping_reader as reader
from tests.support.vector_file import FOLDER, cases
from tests.vectors import formats, siv, wrapping_groups

Json = dict[str, Any]

_FILE = "wrapping.json"
_PAGE = FOLDER.parent.parent / "docs" / "wrapping-format.md"
_HANDLER = Handler(20, "gitea", ContextKind.WRAPPED, 90, True, "", Policy())
_AT = 1767225600  # when the tokens of the vectors were minted


def named(test: Json) -> Plain | None:
    """What a vector says; None where it says nothing."""
    if "address" not in test:
        return None
    thread = test["thread"] and ThreadName(test["thread"]["messageId"], test["thread"]["tag"])
    return Plain(test["address"], test["recipient"], thread)


def as_read(test: Json) -> reader.Original | None:
    """The same, as the reader says it."""
    plain = named(test)
    thread = plain and plain.thread and (plain.thread.message_id, plain.thread.tag)
    return plain and reader.Original(plain.original, plain.recipient, thread)


def is_right(test: Json) -> bool:
    """Whether a vector says that its values belong together."""
    return bool(test["result"] == "valid")


def octets(texts: list[str]) -> list[bytes]:
    """Keys of a group."""
    return [bytes.fromhex(text) for text in texts]


def master(secret: str) -> MasterKey:
    """An active key."""
    return MasterKey("k", KeyState.ACTIVE, bytes.fromhex(secret))


def keyring(group: Json) -> Keyring:
    """The last key of a group is active."""
    *older, newest = octets(group["masterKeys"])
    live = [MasterKey(str(number), KeyState.VERIFY, secret) for number, secret in enumerate(older)]
    return Keyring(group["realm"], (*live, MasterKey("newest", KeyState.ACTIVE, newest)))


def answered(group: Json, glob: str, answers: str, references: str, copy: StoredOriginal | None = None) -> Unwrapped:
    """What the milter takes a reply to ``glob`` for."""
    ring = keyring(group)
    checked = check_token(glob, 26, ring, Handlers.of([_HANDLER]), _AT)
    assert isinstance(checked, Checked)
    return unwrap(checked, ring, answers, references, copy, frozenset(group["acceptDomains"]))


@pytest.mark.parametrize("group,test", cases(_FILE, "Plain"))
def test_plain_is_written_and_read_as_the_vectors_say(group: Json, test: Json) -> None:
    """Two parts or four; nothing else is one."""
    given_octets, plain = bytes.fromhex(test["plain"]), named(test)
    assert decode(given_octets) == plain
    assert reader.plain(given_octets) == as_read(test)
    assert is_right(test) is (plain is not None)
    if plain is not None:
        assert encode(plain) == given_octets


@pytest.mark.parametrize("group,test", cases(_FILE, "PseudoUser"))
def test_recipients_are_numbered_as_the_vectors_say(group: Json, test: Json) -> None:
    """By the wrap key of the realm, over the normalised address."""
    made = keys.pseudo_user(master(test["masterKey"]), test["realm"], test["recipient"])
    assert (made == test["user"]) is is_right(test)
    assert made == reader.pseudo_user(bytes.fromhex(test["masterKey"]), test["realm"], test["recipient"])


@pytest.mark.parametrize("group,test", cases(_FILE, "WrappedContext"))
def test_contexts_are_digested_as_the_vectors_say(group: Json, test: Json) -> None:
    """55 bits over the whole of PLAIN."""
    plain, read, secret = named(test), as_read(test), bytes.fromhex(group["userKey"])
    assert plain is not None and read is not None
    made = keys.context_of(UserKey("k", secret), plain)
    assert (str(made) == test["context"]) is is_right(test)
    assert made == reader.context(secret, read)


@pytest.mark.parametrize("group,test", cases(_FILE, "Capsule"))
def test_capsules_are_opened_as_the_vectors_say(group: Json, test: Json) -> None:
    """For their own token, with its key, and with the original that it was minted for."""
    found = answered(group, test["glob"], "", f"<{test['id'].removeprefix('<').removesuffix('>')}>")
    assert (found.match is ThreadMatch.MATCH) is is_right(test)
    assert found.plain == named(test)
    masters = octets(group["masterKeys"])
    opened = reader.open_capsule(test["id"], test["glob"], masters, group["realm"], group["acceptDomains"])
    assert opened == as_read(test)


@pytest.mark.parametrize("group,test", cases(_FILE, "Capsule", "masterKey"))
def test_capsules_are_written_as_the_vectors_say(group: Json, test: Json) -> None:
    """The same PLAIN, token and key make the same id."""
    plain = named(test)
    assert plain is not None
    sealed = keys.seal_capsule(master(test["masterKey"]), group["realm"], test["glob"], plain)
    assert capsule.write(group["acceptDomains"][0], sealed) == test["id"]


@pytest.mark.parametrize("group,test", cases(_FILE, "StoredCopy"))
def test_the_stores_copy_counts_as_the_vectors_say(group: Json, test: Json) -> None:
    """For a reply that names the notification, and for no other."""
    parts = untlv(bytes.fromhex(test["copy"]))
    copy = None if parts is None else StoredOriginal(parts[0], parts[1].decode())
    found = answered(group, group["glob"], test["inReplyTo"], test["references"], copy)
    assert (found.match is ThreadMatch.MATCH) is is_right(test)
    assert not is_right(test) or found.plain == named(test)
    ids = re.findall("<([^>]*)>", test["inReplyTo"] + test["references"])
    masters = octets(group["masterKeys"])
    assert reader.open_copy(bytes.fromhex(test["copy"]), group["glob"], ids, masters, group["realm"]) == as_read(test)


@pytest.mark.parametrize("group,test", cases(_FILE, "Original"))
def test_originals_are_opened_as_the_vectors_say(group: Json, test: Json) -> None:
    """For their own reply and handler, with any of the seal keys."""
    seal_keys, sealed = octets(group["sealKeys"]), base64.urlsafe_b64decode(test["original"] + "===")
    assert keys.open_original(seal_keys, test["id"], test["handler"], sealed) == named(test)
    assert reader.open_original(test["original"], test["id"], test["handler"], seal_keys) == as_read(test)
    assert is_right(test) is ("address" in test)


@pytest.mark.parametrize("group,test", cases(_FILE, "Original", "sealKey"))
def test_originals_are_sealed_as_the_vectors_say(group: Json, test: Json) -> None:
    """The same reply, original and key make the same text."""
    plain = named(test)
    assert plain is not None
    sealed = keys.seal_original(bytes.fromhex(test["sealKey"]), test["id"], test["handler"], plain)
    assert base64.urlsafe_b64encode(sealed).decode().rstrip("=") == test["original"]


@given(st.binary(min_size=64, max_size=64), st.binary(max_size=40), st.binary(min_size=1, max_size=80))
def test_the_cipher_of_the_vectors_is_aes_siv(key: bytes, associated: bytes, text: bytes) -> None:
    """Written down from the RFCs, it agrees with OpenSSL's."""
    assert siv.encrypt(key, associated, text) == AESSIV(key).encrypt(text, [associated])


def test_the_cipher_of_the_vectors_passes_rfc_5297() -> None:
    """Appendix A.1."""
    key = "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"
    associated = "101112131415161718191a1b1c1d1e1f2021222324252627"
    sealed = siv.encrypt(bytes.fromhex(key), bytes.fromhex(associated), bytes.fromhex("112233445566778899aabbccddee"))
    assert sealed.hex() == "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c"


def test_the_documents_worked_example_is_what_this_program_computes() -> None:
    """Every intermediate value of docs/wrapping-format.md, recomputed."""
    text = re.sub(r"\n {17}", "", _PAGE.read_text(encoding="utf-8"))
    plain, recipient = Plain(*wrapping_groups.GITEA), wrapping_groups.RECIPIENT
    active = MasterKey("k", KeyState.ACTIVE, formats.MASTER)
    user = keys.pseudo_user(active, formats.REALM, recipient)
    key = Keyring(formats.REALM, (active,)).minting_key(user)
    glob = wrapping_groups.glob_of(wrapping_groups.GITEA)
    sealed = keys.seal_capsule(active, formats.REALM, glob, plain)
    original = keys.seal_original(formats.SEAL_KEY, wrapping_groups.REPLY_ID, "gitea", plain)
    shown = {
        "address": plain.original,
        "PLAIN": encode(plain).hex(),
        "wrap key info": tlv("reply-milter/1/wrap", formats.REALM).hex(),
        "USER": f"{user:010x}",
        "user key": key.secret.hex(),
        "context": str(keys.context_of(key, plain)),
        "GLOB": glob,
        "capsule key info": tlv("reply-milter/1/capsule", formats.REALM).hex(),
        "associated data": tlv(glob).hex(),
        "sealed": sealed.hex(),
        "capsule": capsule.write(formats.DOMAIN, sealed),
        "original": base64.urlsafe_b64encode(original).decode().rstrip("="),
    }
    assert [name for name, value in shown.items() if value not in text] == []
