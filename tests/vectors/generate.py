"""Computes the test vectors a second time: from docs/token-format.md and docs/verdict-header.md, and nothing else.

Standard library only, no import of reply_milter. Without an argument the committed files are compared, and nothing is
written; ``--write`` replaces them, which is a change of the format and belongs in a release note.
"""

import hashlib
import hmac
import json
import re
import sys
from pathlib import Path
from typing import Any

Case = dict[str, Any]
Group = dict[str, Any]

FOLDER = Path(__file__).parent
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
EPOCH = 1735689600

MASTER, OLDER_MASTER, FOREIGN_MASTER = (bytes(range(start, start + 32)) for start in (0, 32, 64))
REALM, DOMAIN = "example", "reply.example.com"
USER, HANDLER, ISSUED = 42, 1, 525600  # 2026-01-01T00:00Z
MESSAGE_ID = "go-gitea/gitea/issue/2351/1220588887.k3f9@example.com"
RECIPIENT = "jane@example.com"
ZERO_TAG_ADDRESS = "u5493@example.com"  # found by search: its sender tag computes to 0
SEAL_KEY, OLDER_SEAL_KEY, FOREIGN_SEAL_KEY = (bytes(range(start, start + 32)) for start in (96, 128, 160))


# The format, as the documents describe it.


def mac(key: bytes, data: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).digest()


def tlv(*parts: str | bytes) -> bytes:
    values = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(len(value).to_bytes(4, "big") + value for value in values)


def base32(number: int, length: int) -> str:
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))


def left(digest: bytes, bits: int) -> int:
    return int.from_bytes(digest, "big") >> (8 * len(digest) - bits)


def user_info(realm: str, user: int) -> bytes:
    return tlv("reply-milter/1/user", realm, user.to_bytes(5, "big"))


def user_key(master: bytes, realm: str, user: int) -> bytes:
    return mac(master, user_info(realm, user) + b"\x01")


def thread(key: bytes, message_id: str) -> int:
    return left(mac(key, tlv("thread", message_id)), 55)


def sender(key: bytes, normalised: str) -> int:
    return left(mac(key, tlv("sender", normalised)), 15) or 1


def key_number(handler: int, issued: int, context: int, tag: int, version: int = 1) -> int:
    return (((version << 10 | handler) << 25 | issued) << 55 | context) << 15 | tag


def checksum_input(n: int, user: int, number: int) -> bytes:
    return tlv("token", bytes([n]), user.to_bytes(5, "big"), number.to_bytes(14, "big"))


def checksum(key: bytes, n: int, user: int, number: int) -> str:
    return base32(left(mac(key, checksum_input(n, user, number)), 5 * n), n)


def write_glob(user: int, number: int, cksum: str) -> str:
    return f"{user:010x}{base32(number, 22)}{cksum}"


def prefix(mailbox: str, delimiter: str) -> str:
    return mailbox + delimiter if mailbox else ""


def checksum_length(mailbox: str) -> int:
    return min(26, 64 - len(prefix(mailbox, "+")) - 32)


def reply_id(key: bytes, glob: str, *rest: str | bytes) -> str:
    return base32(left(mac(key, tlv("id", glob)), 65), 13) + base32(
        left(mac(key, tlv(rest[0], glob, *rest[1:])), 65), 13
    )


def squeezed(value: str) -> str:
    return re.sub("[ \t\r\n]", "", value)


def body_digest(body: bytes) -> bytes:
    return hashlib.sha256(body.translate(None, b" \t\r\n")).digest()


def seal(tags: str, key: bytes) -> str:
    """``tags``, without white space, with their seal behind them."""
    covered = f"{tags};seal="
    return covered + base32(left(mac(key, covered.encode()), 130), 26)


# Groups of tests. `invalid` with a number or digest is what an implementation with that mistake computes.


def case(comment: str, result: str, flags: str, **members: Any) -> Case:
    return {"comment": comment, "flags": flags.split(), **members, "result": result}


def group(kind: str, tests: list[Case], **members: Any) -> Group:
    return {"type": kind, "source": {"name": "reply-milter", "version": "1"}, **members, "tests": tests}


KEY = user_key(MASTER, REALM, USER)


def user_keys() -> Group:
    def right(comment: str, master: bytes, realm: str, user: int) -> Case:
        members = {"masterKey": master.hex(), "realm": realm, "user": user, "info": user_info(realm, user).hex()}
        return case(comment, "valid", "Normal", **members, userKey=user_key(master, realm, user).hex())

    def wrong(comment: str, flags: str, key: bytes) -> Case:
        members = {"masterKey": MASTER.hex(), "realm": REALM, "user": USER, "info": user_info(REALM, USER).hex()}
        return case(comment, "invalid", flags, **members, userKey=key.hex())

    info, five = user_info(REALM, USER), USER.to_bytes(5, "big")
    extracted = mac(bytes(32), MASTER)
    tests = [
        right("the worked example of the document", MASTER, REALM, USER),
        right("another master key", OLDER_MASTER, REALM, USER),
        right("another realm", MASTER, "Example_2.test-realm", USER),
        right("user 0", MASTER, REALM, 0),
        right("the highest user", MASTER, REALM, 2**40 - 1),
        right("realm and user that read alike without lengths", MASTER, "example0", 42),
        wrong(
            "parts joined without their lengths", "Splice", mac(MASTER, b"reply-milter/1/userexample" + five + b"\x01")
        ),
        wrong("HKDF with Extract", "WrongConstruction", mac(extracted, info + b"\x01")),
        wrong("HKDF-Expand without the octet 0x01", "WrongConstruction", mac(MASTER, info)),
        wrong(
            "the master key taken as its hex digits", "WrongConstruction", mac(MASTER.hex().encode(), info + b"\x01")
        ),
        wrong(
            "the user as decimal text",
            "WrongConstruction",
            mac(MASTER, tlv("reply-milter/1/user", REALM, "42") + b"\x01"),
        ),
        wrong("little-endian lengths", "WrongConstruction", mac(MASTER, little_endian(info) + b"\x01")),
    ]
    return group("UserKey", tests)


def little_endian(tlv_octets: bytes) -> bytes:
    joined, rest = b"", tlv_octets
    while rest:
        length = int.from_bytes(rest[:4], "big")
        joined, rest = joined + length.to_bytes(4, "little") + rest[4 : 4 + length], rest[4 + length :]
    return joined


def keys() -> Group:
    def one(comment: str, flags: str, handler: int, issued: int, context: int, tag: int) -> Case:
        number = key_number(handler, issued, context, tag)
        fields = {"version": 1, "handler": handler, "issued": issued, "context": str(context), "sender": tag}
        return case(
            comment, "valid", flags, **fields, keyOctets=number.to_bytes(14, "big").hex(), key=base32(number, 22)
        )

    context, tag = thread(KEY, MESSAGE_ID), sender(KEY, RECIPIENT)
    tests = [
        one("the worked example of the document", "Normal", HANDLER, ISSUED, context, tag),
        one("all fields 0", "EdgeCase", 0, 0, 0, 0),
        one("all fields at their highest", "EdgeCase", 2**10 - 1, 2**25 - 1, 2**55 - 1, 2**15 - 1),
        one("only the highest handler", "EdgeCase", 2**10 - 1, 0, 0, 0),
        one("only the last minute", "EdgeCase", 0, 2**25 - 1, 0, 0),
        one("only the highest context, above 2^53", "EdgeCase", 0, 0, 2**55 - 1, 0),
        one("only the highest sender tag", "EdgeCase", 0, 0, 0, 2**15 - 1),
        one("the lowest bit of every field", "EdgeCase", 1, 1, 1, 1),
    ]
    return group("Key", tests)


def issue_times() -> Group:
    def minted(comment: str, unix: int, flags: str = "Normal") -> Case:
        return case(comment, "valid", flags, unix=unix, issued=(unix - EPOCH) // 60)

    def refused(comment: str, unix: int, flags: str, issued: int | None) -> Case:
        return case(comment, "invalid", flags, unix=unix, issued=issued)

    tests = [
        minted("the worked example of the document", EPOCH + 60 * ISSUED),
        minted("the first second", EPOCH, "EdgeCase"),
        minted("seconds are cut off", EPOCH + 119, "EdgeCase"),
        minted("the last second", EPOCH + 60 * 2**25 - 1, "EdgeCase"),
        refused("a second before the first", EPOCH - 1, "OutOfRange", None),
        refused("a second after the last", EPOCH + 60 * 2**25, "OutOfRange", None),
        refused("a second after the last, taken modulo 2^25", EPOCH + 60 * 2**25, "OutOfRange", 0),
        refused("rounded instead of cut off", EPOCH + 119, "WrongConstruction", 2),
    ]
    return group("Issued", tests)


def lifetimes() -> Group:
    def one(comment: str, result: str, flags: str, issued: int, days: int, now: int) -> Case:
        expires = EPOCH + 60 * issued + 86400 * days
        return case(comment, result, flags, issued=issued, validityDays=days, now=now, expires=expires)

    start = EPOCH + 60 * ISSUED
    end, last = start + 90 * 86400, 2**25 - 1
    tests = [
        one("at its issue", "valid", "Normal", ISSUED, 90, start),
        one("in its last second", "valid", "EdgeCase", ISSUED, 90, end - 1),
        one("in the second of its end", "invalid", "Expired", ISSUED, 90, end),
        one("long after its end", "invalid", "Expired", ISSUED, 90, end + 10**9),
        one("issued 300 seconds ahead", "valid", "EdgeCase", ISSUED, 90, start - 300),
        one("issued 301 seconds ahead", "invalid", "IssuedInFuture", ISSUED, 90, start - 301),
        one("one day", "valid", "Normal", ISSUED, 1, start + 86399),
        one("after one day", "invalid", "Expired", ISSUED, 1, start + 86400),
        one("the last minute outlives the field's range", "valid", "EdgeCase", last, 90, EPOCH + 60 * 2**25 + 86400),
        one("the first minute, seen when the field has run over", "invalid", "Expired", 0, 90, EPOCH + 60 * 2**25 + 60),
    ]
    return group("Lifetime", tests)


def threads() -> Group:
    def one(comment: str, result: str, flags: str, message_id: str, context: int) -> Case:
        return case(comment, result, flags, messageId=message_id, context=str(context))

    def right(comment: str, message_id: str, flags: str = "Normal") -> Case:
        return one(comment, "valid", flags, message_id, thread(KEY, message_id))

    context = thread(KEY, MESSAGE_ID)
    joined = left(mac(KEY, b"thread" + MESSAGE_ID.encode()), 55)
    spliced = MESSAGE_ID.replace("2351/1220588887", "235/11220588887")
    tests = [
        right("the worked example of the document", MESSAGE_ID),
        right("without UNIQUE", "go-gitea/gitea/issue/2351/1220588887@example.com"),
        right("a form of the application's own", "CAF=abc123+x@mail.example.com"),
        right("UTF-8", "grüße/1@example.com", "EdgeCase"),
        right("case counts", MESSAGE_ID.upper(), "EdgeCase"),
        one("brackets are no part of it", "invalid", "WrongConstruction", MESSAGE_ID, thread(KEY, f"<{MESSAGE_ID}>")),
        one("lower-cased first", "invalid", "ModifiedContext", MESSAGE_ID.upper(), context),
        one("digits moved from SECONDS to LOCATOR", "invalid", "Splice", spliced, context),
        one("tag and Message-ID joined without lengths", "invalid", "Splice", MESSAGE_ID, joined),
        one(
            "the digest of another user",
            "invalid",
            "ModifiedUser",
            MESSAGE_ID,
            thread(user_key(MASTER, REALM, 43), MESSAGE_ID),
        ),
        one(
            "the least significant 55 bits",
            "invalid",
            "WrongConstruction",
            MESSAGE_ID,
            int.from_bytes(mac(KEY, tlv("thread", MESSAGE_ID)), "big") % 2**55,
        ),
    ]
    return group("Thread", tests, userKey=KEY.hex())


def message_ids() -> Group:
    def good(comment: str, text: str, locator: str, replied_to: int) -> Case:
        return case(comment, "valid", "Normal", messageId=text, locator=locator, repliedTo=replied_to)

    def other(comment: str, text: str) -> Case:
        return case(comment, "invalid", "OtherForm", messageId=text)

    tests = [
        good("the worked example of the document", MESSAGE_ID, "go-gitea/gitea/issue/2351", 1220588887),
        good("without UNIQUE", "a/b/12@example.com", "a/b", 12),
        good("one segment, digits only", "7/1220588887.Zz9@example.com", "7", 1220588887),
        good("every character of a segment", "A-z_0.9~/1@example.com", "A-z_0.9~", 1),
        good("200 octets of LOCATOR", "x" * 200 + "/1@example.com", "x" * 200, 1),
        good("12 digits of SECONDS", "a/999999999999@example.com", "a", 999999999999),
        other("13 digits of SECONDS", "a/1000000000000@example.com"),
        other("201 octets of LOCATOR", "x" * 201 + "/1@example.com"),
        other("no LOCATOR", "1220588887@example.com"),
        other("an empty LOCATOR", "/1220588887@example.com"),
        other("an empty segment", "a//b/1220588887@example.com"),
        other("a segment that begins with a dot", "a/.b/1220588887@example.com"),
        other("a segment that ends with a dot", "a./b/1220588887@example.com"),
        other("two dots", "a..b/1220588887@example.com"),
        other("SECONDS with a leading zero", "a/01220588887@example.com"),
        other("SECONDS 0", "a/0@example.com"),
        other("SECONDS with a sign", "a/+1220588887@example.com"),
        other("digits that are not ASCII", "a/\uff11\uff12@example.com"),
        other("an empty UNIQUE", "a/1220588887.@example.com"),
        other("a UNIQUE with a hyphen", "a/1220588887.k-3@example.com"),
        other("no domain", "a/1220588887"),
        other("a character outside the set", "a+b/1220588887@example.com"),
    ]
    return group("MessageId", tests)


def senders() -> Group:
    def bound(comment: str, address: str, normalised: str, flags: str = "Normal") -> Case:
        return case(comment, "valid", flags, address=address, normalised=normalised, sender=sender(KEY, normalised))

    def unbound(comment: str, address: str) -> Case:
        return case(comment, "valid", "Unbound", address=address, normalised=None, sender=0)

    def wrong(comment: str, flags: str, address: str, normalised: str, tag: int) -> Case:
        return case(comment, "invalid", flags, address=address, normalised=normalised, sender=tag)

    assert left(mac(KEY, tlv("sender", ZERO_TAG_ADDRESS)), 15) == 0
    tests = [
        bound("the worked example of the document", RECIPIENT, RECIPIENT),
        bound("upper case", "Jane@EXAMPLE.com", RECIPIENT, "Normalisation"),
        bound("a subaddress", "jane+lists@example.com", RECIPIENT, "Normalisation"),
        bound("two plus signs: the first counts", "jane+a+b@example.com", RECIPIENT, "Normalisation"),
        bound("a plus sign at the start stays", "+jane@example.com", "+jane@example.com", "Normalisation"),
        bound(
            "a second plus sign behind one at the start", "+jane+x@example.com", "+jane@example.com", "Normalisation"
        ),
        bound("a trailing dot", "jane@example.com.", RECIPIENT, "Normalisation"),
        bound("dots in a local part stay", "j.a.ne@example.com", "j.a.ne@example.com", "Normalisation"),
        bound("every character of an atom", "a!#$%&'*/=?^_`{|}~-z@example.com", "a!#$%&'*/=?^_`{|}~-z@example.com"),
        bound("an underscore in a domain", "jane@my_host.example.com", "jane@my_host.example.com", "EdgeCase"),
        bound("a domain of digits is no address literal", "jane@1.2.3", "jane@1.2.3", "EdgeCase"),
        bound("a U-label", "jane@bücher.example", "jane@xn--bcher-kva.example", "Idn"),
        bound("its A-label", "jane@XN--BCHER-KVA.example", "jane@xn--bcher-kva.example", "Idn"),
        bound("upper case and a trailing dot", "Jane+x@BÜCHER.Example.", "jane@xn--bcher-kva.example", "Idn"),
        bound("decomposed: normalised to NFC", "jane@bu\u0308cher.example", "jane@xn--bcher-kva.example", "Idn"),
        bound("sharp s stays: non-transitional", "jane@straße.example", "jane@xn--strae-oqa.example", "Idn"),
        bound(
            "full-width letters and the ideographic full stop",
            "jane@日本語。\uff2a\uff30",
            "jane@xn--wgv71a119e.jp",
            "Idn",
        ),
        bound("a computed 0 becomes 1", ZERO_TAG_ADDRESS, ZERO_TAG_ADDRESS, "ZeroTag"),
        unbound("a quoted local part", '"jane"@example.com'),
        unbound("a quoted local part with an at sign", '"jane@home"@example.com'),
        unbound("an address literal", "jane@[192.0.2.1]"),
        unbound("a local part that is not ASCII", "jané@example.com"),
        unbound("Kelvin sign in the local part", "\u212aate@example.com"),
        unbound("two dots in the local part", "jane..doe@example.com"),
        unbound("two at signs", "jane@home@example.com"),
        unbound("no local part", "@example.com"),
        unbound("no domain", "jane@"),
        unbound("white space in the domain", "jane@example .com"),
        unbound("angle brackets", "<jane@example.com>"),
        wrong("a computed 0 left as it is", "ZeroTag", ZERO_TAG_ADDRESS, ZERO_TAG_ADDRESS, 0),
        wrong(
            "transitional: sharp s as ss",
            "Idn",
            "jane@straße.example",
            "jane@strasse.example",
            sender(KEY, "jane@strasse.example"),
        ),
        wrong(
            "the subaddress kept",
            "Normalisation",
            "jane+lists@example.com",
            "jane+lists@example.com",
            sender(KEY, "jane+lists@example.com"),
        ),
        wrong(
            "the case of the local part kept",
            "Normalisation",
            "Jane@example.com",
            "Jane@example.com",
            sender(KEY, "Jane@example.com"),
        ),
        wrong(
            "dots dropped, as one provider does",
            "Normalisation",
            "j.a.ne@example.com",
            RECIPIENT,
            sender(KEY, RECIPIENT),
        ),
    ]
    return group("Sender", tests, userKey=KEY.hex())


def addresses(mailbox: str, delimiter: str, altered: bool = False) -> Group:
    """Whole addresses of one form: minting must write the valid ones, reading must refuse the invalid ones."""
    n, start = checksum_length(mailbox), prefix(mailbox, delimiter)

    def good(comment: str, flags: str, user: int, fields: tuple[int, int, int, int], master: bytes = MASTER) -> Case:
        number = key_number(*fields)
        cksum = checksum(user_key(master, REALM, user), n, user, number)
        handler, issued, context, tag = fields
        members = {"user": user, "handler": handler, "issued": issued, "context": str(context), "sender": tag}
        members |= {"masterKey": master.hex(), "checksum": cksum}
        return case(comment, "valid", flags, **members, address=f"{start}{write_glob(user, number, cksum)}@{DOMAIN}")

    bound = (HANDLER, ISSUED, thread(KEY, MESSAGE_ID), sender(KEY, RECIPIENT))
    other_user = user_key(MASTER, REALM, 70000)
    tests = [
        good("bound to a thread and a sender", "Normal", USER, bound),
        good("not bound to a sender", "Normal", USER, (HANDLER, ISSUED, thread(KEY, MESSAGE_ID), 0)),
        good("an integer context", "Normal", 70000, (7, 600000, 2351, sender(other_user, RECIPIENT))),
        good("everything 0", "EdgeCase", 0, (0, 0, 0, 0)),
        good("everything at its highest", "EdgeCase", 2**40 - 1, (2**10 - 1, 2**25 - 1, 2**55 - 1, 2**15 - 1)),
        good("made with an older key that still verifies", "OlderKey", USER, bound, OLDER_MASTER),
    ]
    if altered:
        tests += altered_addresses(n, start, bound) + misspelt_addresses(n, start, bound)
    masters = [OLDER_MASTER.hex(), MASTER.hex()]
    form = {"realm": REALM, "masterKeys": masters, "mailbox": mailbox, "delimiter": delimiter, "domain": DOMAIN, "n": n}
    return group("Address", tests, **form)


def altered_addresses(n: int, start: str, bound: tuple[int, int, int, int]) -> list[Case]:
    """Well-formed, but the checksum does not vouch for what they say."""
    number = key_number(*bound)
    right = checksum(KEY, n, USER, number)
    handler, issued, context, tag = bound

    def bad(comment: str, flags: str, cksum: str, user: int = USER, said: int = number) -> Case:
        return case(comment, "invalid", flags, address=f"{start}{write_glob(user, said, cksum)}@{DOMAIN}")

    def keyed(key: bytes) -> str:
        return checksum(key, n, USER, number)

    shorter = right[:-1] + ("b" if right[-1] == "a" else "a")
    whole = checksum_input(n, USER, number)
    plain = b"token" + bytes([n]) + USER.to_bytes(5, "big") + number.to_bytes(14, "big")
    elsewhere = 16 if n == 26 else 26
    other_n = base32(left(mac(KEY, checksum_input(elsewhere, USER, number)), 5 * n), n)
    as_text = tlv("token", bytes([n]), f"{USER:010x}", base32(number, 22))
    return [
        bad("the next user", "ModifiedUser", right, user=USER + 1),
        bad("the next user's key", "ModifiedUser", keyed(user_key(MASTER, REALM, USER + 1))),
        bad("another handler", "ModifiedHandler", right, said=key_number(handler + 1, issued, context, tag)),
        bad("a minute later", "ModifiedIssued", right, said=key_number(handler, issued + 1, context, tag)),
        bad("another context", "ModifiedContext", right, said=key_number(handler, issued, context ^ 1, tag)),
        bad("another sender", "ModifiedSender", right, said=key_number(handler, issued, context, tag ^ 1)),
        bad("made unbound", "ModifiedSender", right, said=key_number(handler, issued, context, 0)),
        bad(
            "a bit moved from issued to handler",
            "Splice",
            right,
            said=key_number(handler + 1, issued - 1, context, tag),
        ),
        bad("the last character altered", "ModifiedChecksum", shorter),
        bad("the first character altered", "ModifiedChecksum", ("b" if right[0] == "a" else "a") + right[1:]),
        bad("all zero bits", "ModifiedChecksum", "a" * n),
        bad("the checksum for another n, cut to this one", "ModifiedLength", other_n),
        bad("another realm", "WrongRealm", keyed(user_key(MASTER, "example2", USER))),
        bad("the same realm in upper case", "WrongRealm", keyed(user_key(MASTER, "EXAMPLE", USER))),
        bad("a key that is not live", "WrongKey", keyed(user_key(FOREIGN_MASTER, REALM, USER))),
        bad("the master key used as user key", "WrongConstruction", keyed(MASTER)),
        bad("parts joined without their lengths", "Splice", base32(left(mac(KEY, plain), 5 * n), n)),
        bad("fields hashed as text", "WrongConstruction", base32(left(mac(KEY, as_text), 5 * n), n)),
        bad("SHA-256 without HMAC", "WrongConstruction", base32(left(hashlib.sha256(KEY + whole).digest(), 5 * n), n)),
        bad("the rightmost bits", "WrongConstruction", base32(int.from_bytes(mac(KEY, whole), "big") % 32**n, n)),
        *(
            bad(
                f"version {version}, with a checksum over it", "UnknownVersion", checksum(KEY, n, USER, said), said=said
            )
            for version in (0, 2, 31)
            for said in [key_number(*bound, version=version)]
        ),
    ]


def misspelt_addresses(n: int, start: str, bound: tuple[int, int, int, int]) -> list[Case]:
    """Other spellings of one good address: letters in either case are the same, everything else is none."""
    number = key_number(*bound)
    glob = write_glob(USER, number, checksum(KEY, n, USER, number))

    def same(comment: str, local: str, domain: str = DOMAIN) -> Case:
        return case(comment, "valid", "UpperCase", sameAs=f"{start}{glob}@{DOMAIN}", address=f"{local}@{domain}")

    def bad(comment: str, flags: str, text: str) -> Case:
        return case(comment, "invalid", flags, address=f"{start}{text}@{DOMAIN}")

    signs = (("k", "\u212a", "Kelvin sign, which lower-cases to k"), ("s", "\u017f", "long s, which upper-cases to S"))
    return [
        same("GLOB in upper case", start + glob.upper()),
        same("everything in upper case", (start + glob).upper(), DOMAIN.upper()),
        same("mixed case", start + glob[:20].upper() + glob[20:]),
        bad("one character less", "WrongLength", glob[:-1]),
        bad("one character more", "WrongLength", glob + "a"),
        bad("padding", "WrongLength", glob + "======"),
        bad("the first character missing", "WrongLength", glob[1:]),
        bad("empty", "WrongLength", ""),
        *(bad(words, "NonAscii", glob.replace(letter, sign, 1)) for letter, sign, words in signs if letter in glob),
        bad("full-width digit in USER", "NonAscii", "\uff10" + glob[1:]),
        bad("trailing LF", "WhiteSpace", glob + "\n"),
        bad("LF for the last character", "WhiteSpace", glob[:-1] + "\n"),
        bad("space for the last character", "WhiteSpace", glob[:-1] + " "),
        bad("NUL for the last character", "NonCanonical", glob[:-1] + "\0"),
        bad("USER in decimal", "NonCanonical", f"{USER:010d}" + glob[10:]),
        bad("USER with a sign", "NonCanonical", "+" + glob[1:]),
        bad("USER with an underscore", "NonCanonical", "0_" + glob[2:]),
        bad("USER with 0x", "NonCanonical", "0x" + glob[2:]),
        *(
            bad(
                f"{digit} within KEY, which is not in the alphabet",
                "NonCanonical",
                glob[:20] + digit + glob[21:],
            )
            for digit in "0189"
        ),
        bad("a letter beyond f in USER", "NonCanonical", "g" + glob[1:]),
        *(
            bad(f"{digit} for the last character, which is not in the alphabet", "NonCanonical", glob[:-1] + digit)
            for digit in "0189="
        ),
    ]


def ids() -> Group:
    number = key_number(HANDLER, ISSUED, thread(KEY, MESSAGE_ID), sender(KEY, RECIPIENT))
    glob = write_glob(USER, number, checksum(KEY, 26, USER, number))
    author, date = "Jane Doe\r\n <jane@example.com>", "Thu, 1 Jan 2026 12:00:00 +0100"
    digest = body_digest(b"Yes.\r\n")
    by_content = reply_id(KEY, glob, "content", squeezed(author), squeezed(date), digest)
    unsqueezed = reply_id(KEY, glob, "content", author, date, digest)

    def named(comment: str, message_id: str) -> Case:
        members = {"messageId": message_id, "tokenId": by_content[:13]}
        return case(comment, "valid", "Normal", **members, id=reply_id(KEY, glob, "message", message_id))

    def unnamed(comment: str, result: str, flags: str, identifier: str, body: bytes = digest) -> Case:
        members = {"from": author, "date": date, "bodyDigest": body.hex(), "tokenId": by_content[:13]}
        return case(comment, result, flags, **members, id=identifier)

    tests = [
        named("by Message-ID", "CAF+reply1@mail.example.com"),
        named("by another Message-ID: only the second half differs", "CAF+reply2@mail.example.com"),
        unnamed("by content, without a Message-ID", "valid", "Normal", by_content),
        unnamed(
            "absent From and Date count as empty",
            "valid",
            "EdgeCase",
            reply_id(KEY, glob, "content", "", "", digest),
        )
        | {"from": "", "date": ""},
        unnamed("another body", "invalid", "ModifiedBody", by_content, body_digest(b"No.\r\n")),
        unnamed("white space of From and Date kept", "invalid", "WhiteSpace", unsqueezed),
    ]
    return group("ReplyId", tests, userKey=KEY.hex(), glob=glob)


TOKEN_NOTES = {
    "Normal": ("BASIC", "An ordinary value."),
    "EdgeCase": ("EDGE_CASE", "A value at the end of its range, or one that is easily misread."),
    "OlderKey": ("FUNCTIONALITY", "All live master keys verify; the last of masterKeys is the newest."),
    "UpperCase": (
        "FUNCTIONALITY",
        "Reading only. ASCII letters are read in either case, and the address equals sameAs.",
    ),
    "Normalisation": (
        "FUNCTIONALITY",
        "Two spellings of one mailbox have one normalised form, and no more than these.",
    ),
    "Idn": ("FUNCTIONALITY", "Domains become A-labels by UTS 46, non-transitional."),
    "Unbound": ("DEFINED", "Such an address has no normalised form: a token for it bears the sender tag 0."),
    "ZeroTag": ("EDGE_CASE", "0 means unbound, so a computed 0 is written as 1."),
    "OtherForm": ("DEFINED", "Not a Message-ID of the recommended form. It still binds a thread, but tells nothing."),
    "OutOfRange": ("EDGE_CASE", "Nothing can be minted outside 2025-01-01 to 2088-10-18. Minutes are never reduced."),
    "Expired": ("AUTH_BYPASS", "The token's time is over."),
    "IssuedInFuture": ("AUTH_BYPASS", "More than 300 seconds ahead: forged, whatever the checksum says."),
    "ModifiedUser": ("MODIFIED_PARAMETER", "The user was altered, or is another one's."),
    "ModifiedHandler": ("MODIFIED_PARAMETER", "The handler was altered."),
    "ModifiedIssued": ("MODIFIED_PARAMETER", "The issue time was altered."),
    "ModifiedContext": ("MODIFIED_PARAMETER", "The context, or what it is computed over, was altered."),
    "ModifiedSender": ("MODIFIED_PARAMETER", "The sender tag was altered."),
    "ModifiedBody": ("MODIFIED_PARAMETER", "The body was altered."),
    "ModifiedChecksum": ("AUTH_BYPASS", "The checksum was altered."),
    "ModifiedLength": ("AUTH_BYPASS", "The checksum covers n: a long one can not be cut to a short one."),
    "Splice": ("AUTH_BYPASS", "Octets or bits were moved across a boundary, or parts were joined without lengths."),
    "WrongRealm": ("AUTH_BYPASS", "Minted for another realm."),
    "WrongKey": ("AUTH_BYPASS", "Minted with a master key that is not live."),
    "WrongConstruction": ("WRONG_PRIMITIVE", "What a likely mistake in an implementation computes."),
    "UnknownVersion": ("DEFINED", "Only version 1 is defined here."),
    "WrongLength": ("MALLEABILITY", "GLOB has one length only."),
    "NonAscii": ("MALLEABILITY", "Characters that become ASCII by a change of case: check for ASCII first."),
    "WhiteSpace": ("MALLEABILITY", "White space where none belongs, or kept where it does not count."),
    "NonCanonical": ("MALLEABILITY", "Characters outside the alphabet of their place."),
}


def token_vectors() -> str:
    groups = [
        user_keys(),
        issue_times(),
        threads(),
        senders(),
        keys(),
        addresses("reply", "+", altered=True),
        addresses("reply", "-"),
        addresses("no-reply-to", "+"),
        addresses("incoming.reply1", "+", altered=True),
        addresses("incoming.reply1", "-"),
        addresses("", "+"),
        lifetimes(),
        message_ids(),
        ids(),
    ]
    header = [
        "Test vectors for reply-milter's reply addresses, version 1 (docs/token-format.md).",
        "Octets are in hex, contexts in decimal text (they exceed 2^53), times in Unix seconds, issued in minutes.",
    ]
    return document("reply-milter token 1", "reply_token_v1", header, TOKEN_NOTES, groups)


# Verdicts.

BODY = b"Yes, \xc3\xbc please.\r\n\r\nOn Thu, 1 Jan 2026 we wrote:\r\n> May we?\r\n"
TAGS = (
    "v=1;result=pass;reason=ok;id=lnyzn7bffjl7knkekdz26tmxft;user=42;handler=issue;context=6832620830914657;thread=match;"
    "locator=go-gitea/gitea/issue/2351;replied_to=1220588887;sender=match;auth=none;replay=first;issued=1767225600;"
    "expires=1775001600;recipient_domain=reply.example.com;queue=4dkXyz0Jm1z9v"
)


def body_text(body: bytes) -> str:
    return base32(left(body_digest(body), 130), 26)


def body_digests() -> Group:
    def one(comment: str, flags: str, body: bytes, digest: bytes = b"") -> Case:
        members = {"body": body.hex(), "digest": base32(left(digest or body_digest(body), 130), 26)}
        return case(comment, "invalid" if digest else "valid", flags, **members)

    tests = [
        one("empty", "EdgeCase", b""),
        one("nothing but white space", "EdgeCase", b" \t\r\n\r\n"),
        one("a line", "Normal", b"Yes.\r\n"),
        one("the same line, wrapped and with LF", "WhiteSpace", b"Y\n\te s.\n"),
        one("UTF-8 and a quotation", "Normal", BODY),
        one("octets that are not UTF-8", "EdgeCase", bytes(range(256))),
        one("vertical tab, form feed and no-break space count", "WhiteSpace", b"a\x0bb\x0cc\xc2\xa0d\n"),
        one("no-break space removed", "WhiteSpace", b"c\xc2\xa0d\n", hashlib.sha256(b"cd").digest()),
        one("white space kept", "WhiteSpace", b"Yes, please.\r\n", hashlib.sha256(b"Yes, please.\r\n").digest()),
    ]
    return group("BodyDigest", tests)


def folded(tags: str, fold: str) -> str:
    return tags.replace(";", ";" + fold)


def verdicts() -> Group:
    tags = f"{TAGS};body={body_text(BODY)}"
    good = seal(tags, SEAL_KEY)

    def opened(comment: str, flags: str, value: str, body: bytes = BODY) -> Case:
        pairs = (part.split("=") for part in squeezed(value).removesuffix(";").split(";"))
        said = dict((name, text) for name, text in pairs)
        return case(comment, "valid", flags, fields=[value], body=body.hex(), tags=said)

    observed = (
        f"v=1;result=pass;reason=forged;would=reject;recipient_domain=reply.example.com;queue=4d;body={body_text(b'')}"
    )
    parked = tags.replace("result=pass;reason=ok", "result=park;reason=sender_mismatch").replace(
        "sender=match", "sender=mismatch"
    )
    tests = [
        opened("the example of the document, without any white space", "Normal", good),
        opened("one line", "Folding", folded(good, " ")),
        opened("a line for each tag, CRLF and tab", "Folding", folded(good, "\r\n\t")),
        opened("a line for each tag, LF and spaces", "Folding", folded(good, "\n        ")),
        opened("folded before column 78", "Folding", wrap(good)),
        opened("white space around equals signs", "Folding", good.replace("=", " =\t")),
        opened(
            "folded within values",
            "Folding",
            good.replace("gitea/issue", "gitea\r\n\t/issue").replace("seal=", "seal=\n "),
        ),
        opened("folded within the seal", "Folding", good[:-9] + "\r\n\t" + good[-9:]),
        opened("a trailing semicolon", "TrailingSemicolon", good + ";"),
        opened("a trailing semicolon and a fold", "TrailingSemicolon", folded(good, " ") + " ;\r\n "),
        opened("sealed with the second key", "SecondKey", seal(tags, OLDER_SEAL_KEY)),
        opened("a tag that is not known yet", "UnknownTag", seal(f"{tags};zz_9=1", SEAL_KEY)),
        opened("v not in the first place", "EdgeCase", seal("result=pass;v=1;body=" + body_text(b""), SEAL_KEY), b""),
        opened("observe mode, without a token", "Would", seal(observed, SEAL_KEY), b"\r\n"),
        opened("parked", "Normal", seal(parked, SEAL_KEY)),
        opened("the body wrapped on its way", "Folding", good, BODY.replace(b" ", b"\n ")),
        *broken_lists(tags, good),
        *broken_seals(tags, good),
        *broken_counts(good),
    ]
    return group("Verdict", tests, sealKeys=[SEAL_KEY.hex(), OLDER_SEAL_KEY.hex()])


def wrap(value: str) -> str:
    """Break before column 78; the first line has the field's name, later ones a tab that may be eight columns wide."""
    lines, room = [""], 77 - len("X-Reply-Verdict: ")
    for part in re.findall("[^;]+;?", value):
        if len(lines[-1]) + 1 + len(part) > room:
            lines, room = [*lines, part], 77 - 8
        else:
            lines[-1] = f"{lines[-1]} {part}".strip()
    return "\r\n\t".join(lines)


def refused(comment: str, flags: str, *fields: str, body: bytes = BODY) -> Case:
    return case(comment, "invalid", flags, fields=list(fields), body=body.hex())


def broken_lists(tags: str, good: str) -> list[Case]:
    """The seal fits, and yet the list is none: whoever reads it another way must not get another verdict."""

    def resealed(comment: str, flags: str, altered: str) -> Case:
        return refused(comment, flags, seal(altered, SEAL_KEY))

    return [
        resealed("user doubled", "DoubledTag", f"{tags};user=43"),
        resealed("user doubled, with the same value", "DoubledTag", f"{tags};user=42"),
        resealed("a seal within", "DoubledTag", good),
        resealed("an empty value", "EmptyValue", tags.replace("user=42", "user=")),
        resealed("a tag without an equals sign", "EmptyValue", tags.replace("user=42", "user")),
        resealed("an empty tag", "EmptyValue", tags.replace(";user", ";;user")),
        resealed("no name", "BadCharacter", tags.replace("user=42", "=42")),
        resealed("a semicolon in front", "EmptyValue", ";" + tags),
        resealed("v=2", "UnknownVersion", tags.replace("v=1", "v=2")),
        resealed("v=01", "UnknownVersion", tags.replace("v=1", "v=01")),
        resealed("no v", "UnknownVersion", tags.removeprefix("v=1;")),
        resealed("a name in upper case", "BadCharacter", tags.replace("user=", "User=")),
        resealed("a name that begins with a digit", "BadCharacter", tags.replace("user=", "1user=")),
        *(
            resealed(f"U+{ord(bad):04X} in a value", "BadCharacter", tags.replace("user=42", f"user=4{bad}2"))
            for bad in '="%,<(\\\0\x0b\x0c\u00a0\u00b2\u0665\u2028'
        ),
    ]


def broken_seals(tags: str, good: str) -> list[Case]:
    """The seal is not in its place, or not the one of this list."""
    moved = good.split(";")
    return [
        refused("the user altered", "ModifiedTag", good.replace("user=42", "user=43")),
        refused("the result altered", "ModifiedTag", good.replace("result=pass", "result=park")),
        refused("a tag taken out", "ModifiedTag", good.replace("auth=none;", "")),
        refused("a tag put in", "ModifiedTag", good.replace("auth=none;", "auth=none;x=1;")),
        refused("two tags exchanged", "ModifiedTag", good.replace("v=1;result=pass", "result=pass;v=1")),
        refused("a semicolon moved", "ModifiedTag", good.replace("reason=ok;id", "reason=ok.id")),
        refused("the case of a value changed", "ModifiedTag", good.replace("gitea", "Gitea")),
        refused("a tag after the seal", "SealNotLast", good + ";x=1"),
        refused("the seal in front", "SealNotLast", ";".join([moved[-1], *moved[:-1]])),
        refused("the seal before the body", "SealNotLast", ";".join([*moved[:-2], moved[-1], moved[-2]])),
        refused("text after the seal", "TrailingText", good + "; (verified)"),
        refused("two trailing semicolons", "TrailingText", good + ";;"),
        refused("a trailing comma", "TrailingText", good + ","),
        *(
            refused(
                f"U+{ord(blank):04X} put in, as if it were white space",
                "BadCharacter",
                good.replace(";id", f";{blank}id"),
            )
            for blank in "\x0b\x0c\x85\u00a0\u2003"
        ),
        refused("no seal", "ModifiedSeal", tags),
        refused("an empty seal", "ModifiedSeal", tags + ";seal="),
        refused(
            "the last character of the seal altered", "ModifiedSeal", good[:-1] + ("b" if good[-1] == "a" else "a")
        ),
        refused("a seal of 25 characters", "ModifiedSeal", good[:-1]),
        refused("a seal of 27 characters", "ModifiedSeal", good + "a"),
        refused("the seal in upper case", "ModifiedSeal", good[:-26] + good[-26:].upper()),
        refused("the seal in hex", "ModifiedSeal", tags + ";seal=" + mac(SEAL_KEY, f"{tags};seal=".encode()).hex()),
        refused(
            "sealed without ;seal=",
            "ModifiedSeal",
            tags + ";seal=" + base32(left(mac(SEAL_KEY, tags.encode()), 130), 26),
        ),
        refused(
            "sealed with white space in it",
            "ModifiedSeal",
            f"{folded(tags, ' ')}; {seal(folded(tags, ' '), SEAL_KEY)[-31:]}",
        ),
        refused("a key that is none of ours", "WrongKey", seal(tags, FOREIGN_SEAL_KEY)),
        refused("the key taken as its hex digits", "WrongKey", seal(tags, SEAL_KEY.hex().encode())),
        refused("another body", "ModifiedBody", good, body=BODY + b"Buy!"),
        refused("an octet of the body altered", "ModifiedBody", good, body=BODY.replace(b"Yes", b"yes")),
        refused("no body tag", "ModifiedBody", seal(TAGS, SEAL_KEY)),
    ]


def broken_counts(good: str) -> list[Case]:
    return [
        refused("no field", "NotOne"),
        refused("an empty field", "NotOne", ""),
        refused("the field twice", "NotOne", good, good),
        refused("a good field below a forged one", "NotOne", "v=1; result=pass", good),
        refused("a good field above an empty one", "NotOne", good, ""),
    ]


VERDICT_NOTES = {
    "Normal": ("BASIC", "An ordinary value."),
    "EdgeCase": ("EDGE_CASE", "Unusual, and to be taken."),
    "Folding": ("FUNCTIONALITY", "SP, HTAB, CR and LF are removed wherever they stand, before hashing and parsing."),
    "WhiteSpace": ("FUNCTIONALITY", "SP, HTAB, CR and LF do not count; every other octet does."),
    "TrailingSemicolon": ("DEFINED", "One semicolon may follow the seal."),
    "SecondKey": ("FUNCTIONALITY", "All seal keys open; the first seals."),
    "UnknownTag": ("FUNCTIONALITY", "Tags that a reader does not know are covered by the seal, and ignored."),
    "Would": ("DEFINED", "The seal is good, but the reply would have been refused: it must not be posted."),
    "DoubledTag": ("AUTH_BYPASS", "A tag stands twice: two readers could take two values."),
    "EmptyValue": ("MALLEABILITY", "A tag without a value is never written."),
    "BadCharacter": ("MALLEABILITY", "A name or value outside its set."),
    "UnknownVersion": ("DEFINED", "Only v=1 is defined here."),
    "ModifiedTag": ("MODIFIED_PARAMETER", "The list was altered after it was sealed."),
    "ModifiedBody": ("MODIFIED_PARAMETER", "The body is not the one that was sealed, or none was."),
    "ModifiedSeal": ("AUTH_BYPASS", "The seal was altered, or computed another way."),
    "SealNotLast": ("AUTH_BYPASS", "What stands behind the seal is not covered by it."),
    "TrailingText": ("MALLEABILITY", "Something other than one semicolon follows the seal."),
    "WrongKey": ("AUTH_BYPASS", "Sealed with a key that is not ours."),
    "NotOne": ("AUTH_BYPASS", "A message bears exactly one field of this name."),
}


def verdict_vectors() -> str:
    header = [
        "Test vectors for the field X-Reply-Verdict, version 1 (docs/verdict-header.md).",
        "fields: the values of all fields of this name on one message, from the top. body: the message's, in hex.",
    ]
    return document("reply-milter verdict 1", "reply_verdict_v1", header, VERDICT_NOTES, [body_digests(), verdicts()])


def document(
    algorithm: str, schema: str, header: list[str], notes: dict[str, tuple[str, str]], groups: list[Group]
) -> str:
    tests = [test for group_ in groups for test in group_["tests"]]
    for number, test in enumerate(tests, 1):
        members = dict(test)
        test.clear()
        test.update({"tcId": number, **members})
    assert {flag for test in tests for flag in test["flags"]} == set(notes)
    told = {flag: {"bugType": bug, "description": words} for flag, (bug, words) in notes.items()}
    whole = {"algorithm": algorithm, "schema": schema, "numberOfTests": len(tests), "header": header}
    return json.dumps({**whole, "notes": told, "testGroups": groups}, indent=2) + "\n"


FILES = {"token.json": token_vectors, "verdict.json": verdict_vectors}


def main(arguments: list[str]) -> int:
    differing = []
    for name, vectors in FILES.items():
        path, text = FOLDER / name, vectors()
        if arguments == ["--write"]:
            path.write_text(text, encoding="ascii")
        elif not path.exists() or path.read_text(encoding="ascii") != text:
            differing.append(name)
    print(f"differ: {', '.join(differing)}" if differing else "as committed")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
