"""Groups of test vectors for verdicts, seals and body digests."""

import hashlib
import re

from tests.vectors.formats import (
    FOREIGN_SEAL_KEY,
    OLDER_SEAL_KEY,
    SEAL_KEY,
    Case,
    Group,
    base32,
    body_digest,
    case,
    group,
    left,
    mac,
    seal,
    squeezed,
)

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
        said = dict(pairs)
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


def large_contexts_told() -> Group:
    """Numbers that a 64-bit floating-point number can't hold: tags are text."""

    def opened(comment: str, context: int) -> Case:
        told = TAGS.replace("context=6832620830914657", f"context={context}")
        value = seal(f"{told};body={body_text(BODY)}", SEAL_KEY)
        said = dict(part.split("=") for part in value.split(";"))
        return case(comment, "valid", "EdgeCase", fields=[value], body=BODY.hex(), tags=said)

    tests = [opened("context 2^53 + 1", 2**53 + 1), opened("context 2^55 - 1", 2**55 - 1)]
    return group("Verdict", tests, sealKeys=[SEAL_KEY.hex()])


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
    """The seal fits, but the list is malformed: a reader with another syntax must not get another verdict."""

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
    "HeaderSplit": ("FUNCTIONALITY", "Where the header ends, and which line is a field: section 3.1."),
    "NoHeader": ("AUTH_BYPASS", "The field stands behind the header's end: it is text of the body."),
    "NotOne": ("AUTH_BYPASS", "A message bears exactly one field of this name."),
}
