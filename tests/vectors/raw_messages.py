"""Whole messages, octet by octet: where the header ends, and which lines are fields of it."""

from tests.vectors.formats import OLDER_SEAL_KEY, SEAL_KEY, Case, Group, case, group, seal
from tests.vectors.verdict_groups import BODY, TAGS, body_text

NAME = "X-Reply-Verdict"


def verdict(body: bytes, blank: str = "") -> str:
    """The value of a good verdict over ``body``; ``blank`` stands behind each semicolon."""
    return seal(f"{TAGS};body={body_text(body)}", SEAL_KEY).replace(";", f";{blank}")


def field(body: bytes, end: str = "\r\n") -> bytes:
    """The whole field, folded, with ``end`` for its line ends."""
    folded = verdict(body, end + "\t")
    return f"{NAME}: {folded}{end}".encode()


def opened(comment: str, head: bytes, body: bytes = BODY, flags: str = "HeaderSplit") -> Case:
    """A message of ``head`` (with the empty line, if it has one) and ``body``; its verdict is good."""
    said = dict(part.split("=") for part in verdict(body).split(";"))
    return case(comment, "valid", flags, message=(head + body).hex(), body=body.hex(), tags=said)


def refused(comment: str, flags: str, head: bytes, body: bytes) -> Case:
    """A message that no good verdict stands over; ``body`` begins where a reader must begin it."""
    return case(comment, "invalid", flags, message=(head + body).hex(), body=body.hex())


def messages() -> Group:
    tests = [*ordinary(), *mbox_lines(), *odd_header_lines(), *ends_of_header(), *behind_the_header(), *not_one()]
    return group("Message", tests, sealKeys=[SEAL_KEY.hex(), OLDER_SEAL_KEY.hex()])


def ordinary() -> list[Case]:
    good, lf = field(BODY), field(BODY, "\n")
    rest = b"From: Jane <jane@example.com>\r\nSubject: Re: news\r\n"
    low = good.replace(NAME.encode(), b"x-reply-VERDICT")
    return [
        opened("line ends of CRLF", good + rest + b"\r\n", flags="Normal"),
        opened("line ends of LF", lf + rest.replace(b"\r", b"") + b"\n", BODY.replace(b"\r", b""), "Normal"),
        opened("both kinds of line ends", good + rest.replace(b"\r", b"") + b"\r\n"),
        opened("below the other fields", rest + good + b"\r\n"),
        opened("the field's name in another case", low + rest + b"\r\n"),
        opened("no body", field(b"") + rest + b"\r\n", b""),
        opened("a body of white space", field(b"") + b"\r\n", b" \t\r\n\r\n"),
        opened("octets that are not UTF-8 in another field", good + b"Subject: caf\xe9 \x00\xff\r\n\r\n"),
        opened("a body that begins with an empty line", good + b"\r\n", b"\r\n" + BODY),
        refused("an octet of the body altered", "ModifiedBody", good + b"\r\n", BODY.replace(b"Yes", b"yes")),
    ]


def mbox_lines() -> list[Case]:
    good = field(BODY)
    return [
        opened("an mbox line on top", b"From jane@example.com Thu Jan  1 12:00:00 2026\r\n" + good + b"\r\n"),
        opened("an mbox line with a colon behind From", b"From : jane\n" + good + b"\r\n"),
        opened("two mbox lines, quoted and in lower case", b">From x\n>>from y\r\n" + good + b"\r\n"),
        refused("an mbox line below a field begins the body", "NoHeader", b"A: b\r\n", b"From x\r\n" + good + b"\r\n"),
        refused("nothing but an mbox line", "NotOne", b"From x", b""),
    ]


def odd_header_lines() -> list[Case]:
    good = field(BODY)
    spaced = good.replace(b":", b" \t:", 1)
    return [
        opened("white space before the colon", spaced + b"\r\n"),
        opened("a value that begins in the next line", good.replace(b": ", b":\r\n ", 1) + b"\r\n"),
        opened("a line of white space within the header", good + b"Subject: a\r\n \t\r\n b\r\n\r\n"),
        opened("an empty value of another field", b"Subject:\r\n" + good + b"\r\n"),
        opened("a colon in another value", b"Subject: a: b\r\n" + good + b"\r\n"),
        opened("a bare CR ends no line", b"Subject: a\rX-Reply-Verdict: v=1\r\n" + good + b"\r\n"),
        opened(
            "vertical tab and form feed end no line", b"Subject: a\x0bb\x0cX-Reply-Verdict: v=1\r\n" + good + b"\r\n"
        ),
        opened("every visible character in a name", b"!#$%&'*+-./09AZ^_`az{|}~\"(),;<=>?@[]\\: x\r\n" + good + b"\r\n"),
    ]


def ends_of_header() -> list[Case]:
    """The header ends at an empty line, at a line that is no field, or with the message."""
    plain = b"Yes.\r\n"
    stopped = b"no field in this line\r\n\r\nYes.\r\n"
    return [
        opened("no empty line: a line that is no field begins the body", field(plain), plain),
        opened("no empty line, and an empty one in the body", field(stopped), stopped),
        opened("no empty line and no body", field(b""), b""),
        opened("no line end behind the last field", field(b"").removesuffix(b"\r\n"), b""),
        opened("CR CR LF is an empty line", field(plain) + b"\r\r\n", plain),
        opened("a name with a space begins the body", field(b"a b: c\r\n"), b"a b: c\r\n"),
        opened("a name with an octet beyond ASCII begins the body", field(b"caf\xe9: c\r\n"), b"caf\xe9: c\r\n"),
        opened("a colon without a name begins the body", field(b": c\r\n"), b": c\r\n"),
        opened("a form feed alone in its line begins the body", field(b"\x0c\r\nYes."), b"\x0c\r\nYes."),
    ]


def behind_the_header() -> list[Case]:
    good = field(BODY)
    return [
        opened(
            "a second verdict in the body", field(b"X-Reply-Verdict: v=1\r\n") + b"\r\n", b"X-Reply-Verdict: v=1\r\n"
        ),
        refused("the message begins with an empty line", "NoHeader", b"\r\n", good + b"\r\n" + BODY),
        refused("the message begins with LF", "NoHeader", b"\n", good + b"\r\n" + BODY),
        refused("the message begins with a folded line", "NoHeader", b"", b" folded\r\n" + good + b"\r\n" + BODY),
        refused("behind a line that is no field", "NoHeader", b"A: b\r\n", b"no field\r\n" + good + b"\r\n" + BODY),
        refused("behind CR CR LF", "NoHeader", b"A: b\r\n\r\r\n", good + b"\r\n" + BODY),
        refused("an empty message", "NotOne", b"", b""),
    ]


def not_one() -> list[Case]:
    good = field(BODY)
    forged = {
        "in another case": b"x-reply-verdict: v=1\r\n",
        "with white space before its colon": b"X-Reply-Verdict : v=1\r\n",
        "without a value": b"X-Reply-Verdict:\r\n",
    }
    return [
        refused(f"a second verdict {how}", "NotOne", second + good + b"\r\n", BODY) for how, second in forged.items()
    ] + [
        refused("a line folded to the verdict", "ModifiedTag", good + b" ;x=1\r\n\r\n", BODY),
        refused("a field whose name only begins so", "NotOne", b"X-Reply-Verdict-2: v=1\r\n\r\n", BODY),
    ]
