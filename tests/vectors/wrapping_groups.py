"""Groups of test vectors for what a wrapped address stands for."""

import base64
import re

from tests.vectors import siv
from tests.vectors.formats import (
    ALPHABET,
    DOMAIN,
    FOREIGN_MASTER,
    FOREIGN_SEAL_KEY,
    ISSUED,
    MASTER,
    OLDER_MASTER,
    OLDER_SEAL_KEY,
    REALM,
    SEAL_KEY,
    Case,
    Group,
    case,
    checksum,
    group,
    key_number,
    left,
    mac,
    sender,
    tlv,
    user_key,
    write_glob,
)

RECIPIENT = "jane@example.com"


HANDLER = 20


NATIVE_KEY = "AHQ6DKDR2NIMXV4Q" * 4 + "AHQ6DKDR2NIMX"  # 77 characters, as Gitea's shortest


GITEA = (f"incoming+{NATIVE_KEY}@git.example.com", RECIPIENT)


OTHER = (f"incoming+B{NATIVE_KEY[1:]}@git.example.com", RECIPIENT)


LONG = (f"incoming+{NATIVE_KEY}{NATIVE_KEY[:10]}@git.example.com", f"jane.{'long-name.' * 6}x@example.com")


REDMINE = ("redmine@redmine.example.com", RECIPIENT, "redmine.issue-1.20260101000000.3@redmine.example.com", "[#1]")


NOTIFICATION = "org/repo/issues/7@git.example.com"


REPLY_ID = "lnyzn7bffjl7knkekdz26tmxft"


def expanded(secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand with SHA-256, RFC 5869 section 2.3."""
    whole, block = b"", b""
    while len(whole) < length:
        block = mac(secret, block + info + bytes([len(whole) // 32 + 1]))
        whole += block
    return whole[:length]


def plain_of(*parts: str) -> bytes:
    """PLAIN: each text behind its length, and its longest run of base32 in five bits per character."""
    return b"".join(len(body).to_bytes(2, "big") + body for body in map(body_of, parts))


def unpacked(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def body_of(text: str) -> bytes:
    octets = text.encode()
    runs = re.findall(rb"[A-Z2-7]{16,255}", octets)
    longest = max(runs, key=len, default=b"")
    at = octets.find(longest)
    if not longest or at > 255:
        return octets
    bits = "".join(f"{ALPHABET.index(chr(one).lower()):05b}" for one in longest)
    bits += "0" * (-len(bits) % 8)
    packed = bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8))
    return bytes([255, at, len(longest)]) + packed + octets[:at] + octets[at + len(longest) :]


def spoiled(parts: tuple[str, ...]) -> bytes:
    """A PLAIN whose first part has a spare bit set behind its packed run."""
    plain = bytearray(plain_of(*parts))
    plain[5 + -(-5 * plain[4] // 8) - 1] |= 1
    return bytes(plain)


def pseudo_user(master: bytes, realm: str, recipient: str) -> int:
    return left(mac(expanded(master, tlv("reply-milter/1/wrap", realm), 32), tlv("user", recipient)), 40)


def context(key: bytes, parts: tuple[str, ...]) -> int:
    return left(mac(key, tlv("wrapped", plain_of(*parts))), 55)


def capsule_of(plain: bytes, glob: str, master: bytes = MASTER, realm: str = REALM) -> bytes:
    return siv.encrypt(expanded(master, tlv("reply-milter/1/capsule", realm), 64), tlv(glob), plain)


def original_of(parts: tuple[str, ...], key: bytes, *bound_to: str) -> bytes:
    return siv.encrypt(expanded(key, tlv("reply-milter/1/original"), 64), tlv(*bound_to), plain_of(*parts))


def text_of(octets: bytes) -> str:
    """base32 of whole octets; the last character is filled up with zero bits."""
    bits = "".join(f"{octet:08b}" for octet in octets)
    bits += "0" * (-len(bits) % 5)
    return "".join(ALPHABET[int(bits[at : at + 5], 2)] for at in range(0, len(bits), 5))


def glob_of(parts: tuple[str, ...], master: bytes = MASTER) -> str:
    user = pseudo_user(master, REALM, RECIPIENT)
    key = user_key(master, REALM, user)
    number = key_number(HANDLER, ISSUED, context(key, parts), sender(key, RECIPIENT))
    return write_glob(user, number, checksum(key, 26, user, number))


def named(parts: tuple[str, ...]) -> Case:
    thread = {"messageId": parts[2], "tag": parts[3]} if len(parts) == 4 else None
    return {"address": parts[0], "recipient": parts[1], "thread": thread}


def plains() -> Group:
    def right(comment: str, flags: str, *parts: str) -> Case:
        return case(comment, "valid", flags, **named(parts), plain=plain_of(*parts).hex())

    def other(comment: str, flags: str, plain: bytes) -> Case:
        return case(comment, "invalid", flags, plain=plain.hex())

    good = plain_of(*GITEA)
    tests = [
        right("an address with a key: the worked example of the document", "Normal", *GITEA),
        right("one address for everybody, with its thread", "Normal", *REDMINE),
        right("a thread without a tag", "EdgeCase", *REDMINE[:3], ""),
        right("a thread without an id", "EdgeCase", *REDMINE[:2], "", "[issue1]"),
        right("no recipient", "EdgeCase", GITEA[0], ""),
        right("UTF-8", "EdgeCase", "grüße@git.example.com", RECIPIENT),
        right(
            "a letter moved to the recipient is another PLAIN", "Splice", "incoming@git.example.co", "mjane@a.example"
        ),
        other("joined without lengths", "Splice", "".join(GITEA).encode()),
        other("one part", "WrongCount", plain_of(GITEA[0])),
        other("three parts", "WrongCount", plain_of(*REDMINE[:3])),
        other("five parts", "WrongCount", plain_of(*REDMINE, "")),
        other("empty", "WrongCount", b""),
        other("cut", "Truncated", good[:-1]),
        other("an octet behind", "Truncated", good + b"\x00"),
        other("not UTF-8", "NotText", plain_of(GITEA[0]) + b"\x00\x01\xfe"),
        right("a run of 15 characters is not packed", "EdgeCase", f"in+{'A' * 15}@git.example.com", RECIPIENT),
        right("a run of 16 is", "EdgeCase", f"in+{'A' * 16}@git.example.com", RECIPIENT),
        right("of two runs the longer", "EdgeCase", f"{'B' * 16}+{'C' * 17}@git.example.com", RECIPIENT),
        right("of two equal runs the first", "EdgeCase", f"{'B' * 16}+{'C' * 16}@git.example.com", RECIPIENT),
        right("a run of 300 is packed for 255", "EdgeCase", "D" * 300, RECIPIENT),
        right("a run in the recipient, too", "EdgeCase", REDMINE[0], f"{'E' * 20}@example.com"),
        other("not packed, where it must be", "SecondSpelling", unpacked(GITEA[0]) + unpacked(RECIPIENT)),
        other("spare bits that are not zero", "SecondSpelling", spoiled(GITEA)),
        other("packed beyond its end", "Truncated", b"\x00\x04\xff\x00\x10a" + unpacked(RECIPIENT)),
    ]
    return group("Plain", tests)


def pseudo_users() -> Group:
    def one(comment: str, result: str, flags: str, recipient: str, user: int, realm: str = REALM) -> Case:
        return case(comment, result, flags, masterKey=MASTER.hex(), realm=realm, recipient=recipient, user=user)

    def right(comment: str, flags: str, recipient: str, realm: str = REALM) -> Case:
        return one(comment, "valid", flags, recipient, pseudo_user(MASTER, realm, recipient), realm)

    ours = pseudo_user(MASTER, REALM, RECIPIENT)
    tests = [
        right("the worked example of the document", "Normal", RECIPIENT),
        right("another realm", "Normal", RECIPIENT, "example2"),
        right("another recipient", "Normal", "john@example.com"),
        one("another master key", "invalid", "WrongKey", RECIPIENT, pseudo_user(FOREIGN_MASTER, REALM, RECIPIENT)),
        one("not normalised", "invalid", "WrongConstruction", "Jane+lists@EXAMPLE.com", ours),
        one(
            "with the master key itself",
            "invalid",
            "WrongConstruction",
            RECIPIENT,
            left(mac(MASTER, tlv("user", RECIPIENT)), 40),
        ),
    ]
    return group("PseudoUser", tests)


def contexts() -> Group:
    key = user_key(MASTER, REALM, pseudo_user(MASTER, REALM, RECIPIENT))

    def one(comment: str, result: str, flags: str, parts: tuple[str, ...], number: int) -> Case:
        return case(comment, result, flags, **named(parts), context=str(number))

    twice = left(mac(key, tlv("wrapped", *GITEA)), 55)
    tests = [
        one("the worked example of the document", "valid", "Normal", GITEA, context(key, GITEA)),
        one("with a thread", "valid", "Normal", REDMINE, context(key, REDMINE)),
        one("another original", "invalid", "ModifiedOriginal", OTHER, context(key, GITEA)),
        one("another recipient", "invalid", "ModifiedOriginal", (GITEA[0], "john@example.com"), context(key, GITEA)),
        one("another thread", "invalid", "ModifiedOriginal", (*REDMINE[:3], "[#2]"), context(key, REDMINE)),
        one("no thread", "invalid", "ModifiedOriginal", REDMINE[:2], context(key, REDMINE)),
        one("the parts of PLAIN hashed one by one", "invalid", "WrongConstruction", GITEA, twice),
    ]
    return group("WrappedContext", tests, userKey=key.hex())


def capsules() -> Group:
    glob, older = glob_of(GITEA), glob_of(GITEA, OLDER_MASTER)
    sealed = capsule_of(plain_of(*GITEA), glob)
    text = f"w1.{text_of(sealed)}"
    good = f"{text}@{DOMAIN}"
    redmine = glob_of(REDMINE)

    def made(comment: str, flags: str, parts: tuple[str, ...], master: bytes, token: str) -> Case:
        identifier = f"w1.{text_of(capsule_of(plain_of(*parts), token, master))}@{DOMAIN}"
        members = {"masterKey": master.hex(), "glob": token, "id": identifier}
        return case(comment, "valid", flags, **members, **named(parts))

    def read(comment: str, flags: str, identifier: str) -> Case:
        return case(comment, "valid", flags, glob=glob, id=identifier, **named(GITEA))

    def other(comment: str, flags: str, identifier: str, token: str = glob) -> Case:
        return case(comment, "invalid", flags, glob=token, id=identifier)

    def sealing(octets: bytes) -> str:
        return f"w1.{text_of(octets)}@{DOMAIN}"

    tests = [
        made("the worked example of the document", "Normal", GITEA, MASTER, glob),
        made("an older master key", "OlderKey", GITEA, OLDER_MASTER, older),
        read("in upper case", "UpperCase", good.upper()),
        read("at the other accept domain", "Normal", f"{text}@old.example.org"),
        read("as an encoded word, quoted-printable", "EncodedWord", f"=?us-ascii?q?{good}?="),
        read("as an encoded word with its brackets, base64", "EncodedWord", encoded_word(f"<{good}>")),
        other("of another token", "WrongToken", good, glob_of(OTHER)),
        other("the token in upper case", "WrongToken", sealing(capsule_of(plain_of(*GITEA), glob.upper()))),
        other("sealed for this token, with another original", "ModifiedOriginal",
              sealing(capsule_of(plain_of(*OTHER), glob))),
        other("sealed for this token, without its thread", "ModifiedOriginal",
              sealing(capsule_of(plain_of(*REDMINE[:2]), redmine)), redmine),
        other("a foreign master key", "WrongKey", sealing(capsule_of(plain_of(*GITEA), glob, FOREIGN_MASTER))),
        other("the other live key than the token's", "WrongKey",
              sealing(capsule_of(plain_of(*GITEA), glob, OLDER_MASTER))),
        other("another realm", "WrongKey", sealing(capsule_of(plain_of(*GITEA), glob, realm="example2"))),
        other("a domain that is none of ours", "ForeignDomain", f"{text}@reply.example.net"),
        other("its first character altered", "ModifiedCapsule", "w1." + ("b" if text[3] == "a" else "a") + good[4:]),
        other("its last bit altered", "ModifiedCapsule", sealing(sealed[:-1] + bytes([sealed[-1] ^ 1]))),
        other("the synthetic IV alone", "ModifiedCapsule", sealing(sealed[:16])),
        other("bits beyond the last octet", "NonCanonical", second_spelling(good)),
        other("version 2", "UnknownVersion", good.replace("w1.", "w2.")),
        other("over 250 octets", "TooLong", sealing(capsule_of(plain_of(*LONG), glob_of(LONG))), glob_of(LONG)),
    ]  # fmt: skip
    keys = [OLDER_MASTER.hex(), MASTER.hex()]
    return group("Capsule", tests, realm=REALM, masterKeys=keys, acceptDomains=[DOMAIN, "old.example.org"])


def second_spelling(identifier: str) -> str:
    """The same octets, with a spare bit of the last character set."""
    text, _, domain = identifier.partition("@")
    return f"{text[:-1]}{ALPHABET[ALPHABET.index(text[-1]) + 1]}@{domain}"


def encoded_word(text: str) -> str:
    return f"=?utf-8?b?{base64.b64encode(text.encode()).decode()}?="


def copies() -> Group:
    glob = glob_of(LONG)
    copy = tlv(capsule_of(plain_of(*LONG), glob), NOTIFICATION)
    foreign = tlv(capsule_of(plain_of(*GITEA), glob_of(GITEA)), NOTIFICATION)
    swapped = tlv(capsule_of(plain_of(*OTHER), glob), NOTIFICATION)

    def one(comment: str, result: str, flags: str, answers: str, references: str, kept: bytes = copy) -> Case:
        told = named(LONG) if result == "valid" else {}
        return case(comment, result, flags, copy=kept.hex(), inReplyTo=answers, references=references, **told)

    tests = [
        one("In-Reply-To names the notification", "valid", "Normal", f"<{NOTIFICATION}>", ""),
        one("References names it", "valid", "Normal", "", f"<a@b.example> <{NOTIFICATION}>"),
        one("no id", "invalid", "NoSecondFactor", "", ""),
        one("another id", "invalid", "NoSecondFactor", "<org/repo/issues/8@git.example.com>", ""),
        one("the id in another case", "invalid", "NoSecondFactor", f"<{NOTIFICATION.upper()}>", ""),
        one("the copy of another token", "invalid", "WrongToken", f"<{NOTIFICATION}>", "", foreign),
        one("another original", "invalid", "ModifiedOriginal", f"<{NOTIFICATION}>", "", swapped),
        one("cut", "invalid", "Truncated", f"<{NOTIFICATION}>", "", copy[:-1]),
    ]
    return group("StoredCopy", tests, realm=REALM, masterKeys=[MASTER.hex()], acceptDomains=[DOMAIN], glob=glob)


def originals() -> Group:
    def text(sealed: bytes) -> str:
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def right(comment: str, flags: str, parts: tuple[str, ...], key: bytes = SEAL_KEY) -> Case:
        original = text(original_of(parts, key, REPLY_ID, "gitea"))
        members = {"sealKey": key.hex(), "id": REPLY_ID, "handler": "gitea", "original": original}
        return case(comment, "valid", flags, **members, **named(parts))

    def other(comment: str, flags: str, original: str, identifier: str = REPLY_ID, handler: str = "gitea") -> Case:
        return case(comment, "invalid", flags, id=identifier, handler=handler, original=original)

    good = original_of(GITEA, SEAL_KEY, REPLY_ID, "gitea")
    shifted = ("l", "nyzn7bffjl7knkekdz26tmxftgitea")
    tests = [
        right("the worked example of the document", "Normal", GITEA),
        right("with a thread", "Normal", REDMINE),
        right("a native address: no recipient", "Normal", (GITEA[0], "")),
        right("the second seal key", "SecondKey", GITEA, OLDER_SEAL_KEY),
        other("of another reply", "WrongReply", text(good), "a" * 26),
        other("of another handler", "WrongReply", text(good), handler="moodle"),
        other("id and handler that read alike without lengths", "Splice", text(good), *shifted),
        other("a foreign seal key", "WrongKey", text(original_of(GITEA, FOREIGN_SEAL_KEY, REPLY_ID, "gitea"))),
        other(
            "the seal key itself",
            "WrongConstruction",
            text(siv.encrypt(SEAL_KEY * 2, tlv(REPLY_ID, "gitea"), plain_of(*GITEA))),
        ),
        other("its last bit altered", "ModifiedCapsule", text(good[:-1] + bytes([good[-1] ^ 1]))),
        other("empty", "ModifiedCapsule", ""),
    ]
    return group("Original", tests, sealKeys=[SEAL_KEY.hex(), OLDER_SEAL_KEY.hex()])


WRAPPING_NOTES = {
    "Normal": ("BASIC", "An ordinary value."),
    "EdgeCase": ("EDGE_CASE", "Unusual, and to be taken."),
    "OlderKey": ("FUNCTIONALITY", "A capsule opens with the master key that verified the token, and with no other."),
    "SecondKey": ("FUNCTIONALITY", "All seal keys open; the first seals."),
    "UpperCase": ("FUNCTIONALITY", "Mail programs change the case of ids: ASCII letters are read in either."),
    "EncodedWord": ("FUNCTIONALITY", "Some mailers write a long id as an encoded word (RFC 2047)."),
    "Splice": ("AUTH_BYPASS", "Octets were moved across a boundary, or parts were joined without lengths."),
    "WrongCount": ("DEFINED", "PLAIN has two parts, or four."),
    "Truncated": ("DEFINED", "A length does not fit."),
    "SecondSpelling": ("MODIFIED_PARAMETER", "The same parts, written in another way."),
    "NotText": ("DEFINED", "The parts of PLAIN are UTF-8."),
    "WrongToken": ("AUTH_BYPASS", "Sealed for another token: it says nothing about this one."),
    "WrongReply": ("AUTH_BYPASS", "Sealed for another reply, or another handler."),
    "WrongKey": ("AUTH_BYPASS", "Sealed with a key that does not open it."),
    "WrongConstruction": ("WRONG_PRIMITIVE", "What a likely mistake in an implementation computes."),
    "ModifiedOriginal": ("AUTH_BYPASS", "It opens, but the token was minted for another PLAIN: compare the context."),
    "ModifiedCapsule": ("AUTH_BYPASS", "The octets were altered, or are too few."),
    "NonCanonical": ("MALLEABILITY", "A second spelling of the same octets."),
    "ForeignDomain": ("DEFINED", "Capsules stand at accept domains alone."),
    "UnknownVersion": ("DEFINED", "Only w1 is defined here."),
    "TooLong": ("DEFINED", "Such an id is never written: the store has the original alone."),
    "NoSecondFactor": ("AUTH_BYPASS", "The copy counts only for a reply that names the notification's Message-ID."),
}
