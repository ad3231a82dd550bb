"""Groups of test vectors for tokens, keys, threads, senders and ids."""

import hashlib

from tests.vectors.formats import (
    DOMAIN,
    FOREIGN_MASTER,
    HANDLER,
    ISSUED,
    KEY,
    MASTER,
    MESSAGE_ID,
    OLDER_MASTER,
    REALM,
    USER,
    Case,
    Group,
    base32,
    body_digest,
    case,
    checksum,
    checksum_input,
    checksum_length,
    group,
    key_number,
    left,
    mac,
    prefix,
    reply_id,
    sender,
    squeezed,
    thread,
    tlv,
    user_info,
    user_key,
    write_glob,
)

EPOCH = 1735689600


RECIPIENT = "jane@example.com"


ZERO_TAG_ADDRESS = "u5493@example.com"  # found by search: its sender tag computes to 0


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
    """Other spellings of one good address: only the letter case may differ."""
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


def odd_domains() -> Group:
    """Domains that libraries read in two ways, and lengths beyond what an address may have."""

    def bound(comment: str, flags: str, address: str, normalised: str) -> Case:
        return case(comment, "valid", flags, address=address, normalised=normalised, sender=sender(KEY, normalised))

    def unbound(comment: str, address: str) -> Case:
        return case(comment, "valid", "Unbound", address=address, normalised=None, sender=0)

    def wrong(comment: str, address: str, normalised: str) -> Case:
        tag = sender(KEY, normalised)
        return case(comment, "invalid", "Idn", address=address, normalised=normalised, sender=tag)

    capital_s, wide = "jane@STRA\u1e9eE.example", "jane@\uff11.\uff12.\uff13"
    long_local, long_domain = "a" * 308, f"{'a' * 60}." * 4 + "example.c"
    tests = [
        bound("capital sharp s is sharp s", "Idn", capital_s, "jane@xn--strae-oqa.example"),
        wrong("capital sharp s as ss, by tables older than Unicode 15.1", capital_s, "jane@strasse.example"),
        bound("full-width digits are digits, and no IPv4 address", "Idn", wide, "jane@1.2.3"),
        wrong("full-width digits read as an IPv4 address", wide, "jane@1.2.0.3"),
        bound("a last label of digits behind a U-label", "Idn", "jane@\u65e5\u672c.\uff17", "jane@xn--wgv71a.7"),
        bound("one ideographic full stop at the end", "Idn", "jane@example.com\u3002", RECIPIENT),
        unbound("two dots at the end", "jane@example.."),
        unbound("two full stops at the end, one of them ideographic", "jane@example.com.\u3002"),
        unbound("nothing but a dot for a domain", "jane@."),
        unbound("a control character in the domain", "jane@exa\x01mple.com"),
        unbound("DEL in the domain", "jane@example.com\x7f"),
        unbound("white space that is not ASCII in the domain", "jane@example\u2003.com"),
        bound("320 octets", "EdgeCase", f"{long_local}@example.com", f"{long_local}@example.com"),
        unbound("321 octets", f"{long_local}a@example.com"),
        bound("253 octets of a domain", "EdgeCase", f"jane@{long_domain}", f"jane@{long_domain}"),
        unbound("254 octets of a domain", f"jane@{long_domain}o"),
    ]
    return group("Sender", tests, userKey=KEY.hex())


def mintable_ids() -> Group:
    """Which Message-IDs an address may be minted for: those that a reply can name."""

    def good(comment: str, flags: str, message_id: str) -> Case:
        return case(comment, "valid", flags, messageId=message_id)

    def bad(comment: str, message_id: str, flags: str = "NotAnId") -> Case:
        return case(comment, "invalid", flags, messageId=message_id)

    tests = [
        good("the worked example of the document", "Normal", MESSAGE_ID),
        good("a form of the application's own", "Normal", "CAF=abc123+x@mail.example.com"),
        good("UTF-8", "EdgeCase", "gr\u00fc\u00dfe/1@example.com"),
        good("900 octets", "EdgeCase", "x" * 888 + "@example.com"),
        good("two at signs", "EdgeCase", "a@b@example.com"),
        bad("901 octets: it does not fit a line behind References", "x" * 889 + "@example.com"),
        bad("901 octets in fewer characters", "\u00fc" * 444 + "x@example.com"),
        bad("in angle brackets: the digest would be another one", f"<{MESSAGE_ID}>"),
        bad("with a closing angle bracket", f"{MESSAGE_ID}>"),
        bad("an angle bracket within", "a<b@example.com"),
        bad("empty", ""),
        bad("nothing but angle brackets", "<>"),
        bad("no at sign", "go-gitea/gitea/issue/2351/1220588887"),
        bad("a space within", "a b@example.com", "WhiteSpace"),
        bad("a space in front", " a@example.com", "WhiteSpace"),
        bad("a trailing LF", "a@example.com\n", "WhiteSpace"),
        bad("a fold within", "a\r\n\tb@example.com", "WhiteSpace"),
        bad("a no-break space within", "a\u00a0b@example.com", "WhiteSpace"),
        bad("a unit separator within", "a\x1fb@example.com", "WhiteSpace"),
        bad("a next line control within", "a\x85b@example.com", "WhiteSpace"),
        bad("an ideographic space within", "a\u3000b@example.com", "WhiteSpace"),
    ]
    return group("Mintable", tests)


def large_contexts() -> Group:
    """Integer contexts that a 64-bit floating-point number can't hold."""

    def good(comment: str, context: int) -> Case:
        number = key_number(7, ISSUED, context, 0)
        cksum = checksum(KEY, 26, USER, number)
        members = {"user": USER, "handler": 7, "issued": ISSUED, "context": str(context), "sender": 0}
        members |= {"masterKey": MASTER.hex(), "checksum": cksum}
        return case(
            comment, "valid", "EdgeCase", **members, address=f"reply+{write_glob(USER, number, cksum)}@{DOMAIN}"
        )

    def rounded(comment: str, context: int, said: int) -> Case:
        cksum = checksum(KEY, 26, USER, key_number(7, ISSUED, context, 0))
        glob = write_glob(USER, key_number(7, ISSUED, said, 0), cksum)
        return case(comment, "invalid", "ModifiedContext", address=f"reply+{glob}@{DOMAIN}")

    tests = [
        good("2^53", 2**53),
        good("2^53 + 1", 2**53 + 1),
        good("2^54 + 1", 2**54 + 1),
        good("2^55 - 2", 2**55 - 2),
        rounded("2^53 + 1, rounded to 2^53", 2**53 + 1, 2**53),
    ]
    form = {"mailbox": "reply", "delimiter": "+", "domain": DOMAIN, "n": 26}
    return group("Address", tests, realm=REALM, masterKeys=[OLDER_MASTER.hex(), MASTER.hex()], **form)


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
    "NotAnId": ("DEFINED", "Nothing that a reply can name in In-Reply-To or References: refuse to mint for it."),
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
