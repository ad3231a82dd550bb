"""A stranger's text costs what its length costs: every expression, every library and every function that reads it.

One message of 225 kB held everybody up for half a minute once: an expression was quadratic in a run of blanks, and
``re`` lets nobody else run meanwhile. So the lists below are complete by construction: what stands in the source and
not here fails, and so does what is here and no longer there. Work is counted as ``scaling.superlinear`` tells.
"""

import re
from collections.abc import Callable
from functools import partial

import pytest

import reply_milter.adapters.telemetry.logs as logs
from reply_milter.adapters.telemetry.log_lines import read_line
from reply_milter.cli.terminal import Terminal
from reply_milter.cli.why_words import explained
from reply_milter.core.delivery import confirmation
from reply_milter.core.delivery.consent import answer_of
from reply_milter.core.mail import domain, fingerprint, headers, message_id
from reply_milter.core.notification import mint_request
from reply_milter.core.redaction import read_redacted, redact, redact_message
from reply_milter.core.rules import auto_reply, dkim_signature, thread
from reply_milter.core.rules.authentication import are_plain, authentication, no_owner
from reply_milter.core.seal import sealed_reply, verdict_header
from reply_milter.core.token import address as addresses
from reply_milter.core.token import token
from reply_milter.core.token.mint import MintError
from reply_milter.core.wrapping import capsule, outward, outward_keys
from reply_milter.core.wrapping.outward_draft import Draft
from reply_milter.core.wrapping.pattern import glob, parse
from reply_milter.core.wrapping.plain import Plain
from reply_milter.core.wrapping.presets import PRESETS
from reply_milter.core.wrapping.restore import Restoring, restore
from reply_milter.core.wrapping.wrap import Road, Wrap
from reply_text import (
    charset,
    charset_names,
    encoded_words,
    flowed,
    html_text,
    inline_pgp,
    lines,
    parameters,
    stripping,
    transfer,
)
from reply_text.syntax import comments, mailbox, message_file, message_ids
from tests.support.content_under_test import FORM, message
from tests.support.expressions import Expression, expressions, library_calls
from tests.support.fakes import KEYRING
from tests.support.scaled_text import BOUNDED, BUILT, LIBRARIES, NOT_A_STRANGERS, UNBOUNDED
from tests.support.scaling import LONGEST, PIECES, examples, stretched, superlinear
from tests.support.wrapped import GITEA, GITEA_PLAIN, REDMINE, REDMINE_PLAIN
from tests.support.wrapped_mail import handler_of


def _through(pattern: "re.Pattern[str] | re.Pattern[bytes]", way: str, text: str) -> object:
    given = text if isinstance(pattern.pattern, str) else text.encode("utf-8", "surrogateescape")
    if way in ("sub", "subn"):
        return getattr(pattern, way)(given[:0], given)
    found = getattr(pattern, way)(given)
    return list(found) if way == "finditer" else found


def test_every_expression_is_listed() -> None:
    """On the longest text that it gets, or with a reason why no stranger writes the text."""
    listed = [*BOUNDED, *UNBOUNDED, *BUILT, *NOT_A_STRANGERS]
    assert sorted(listed) == sorted(set(listed))
    assert sorted(expressions()) == sorted(listed)


def test_every_call_of_a_library_is_listed() -> None:
    """With the function below through which its inputs are scaled, or a reason."""
    assert sorted(library_calls()) == sorted(LIBRARIES)
    by_function = {words.removeprefix("by ") for words in LIBRARIES.values() if words.startswith("by ")}
    assert by_function <= FUNCTIONS.keys() | {"decoding"}


def _expressions() -> list[tuple[str, Expression, int]]:
    used = expressions()
    given = [(name, one, BOUNDED.get(name, LONGEST)) for name in (*BOUNDED, *UNBOUNDED) for one in used[name]]
    return given + [(name, Expression(built, ways), LONGEST) for name, (built, ways) in BUILT.items()]


@pytest.mark.parametrize("name,expression,longest", [pytest.param(*one, id=one[0]) for one in _expressions()])
def test_expressions_are_linear(name: str, expression: Expression, longest: int) -> None:
    """Runs of each piece at several places within what it matches, whether that goes on or not."""
    pattern = expression.pattern
    assert pattern is not None, "list it among what is built later"
    found = examples(pattern)
    pieces = list(dict.fromkeys([*PIECES, *"".join(found)]))
    for way in sorted(expression.ways):
        for words, texts in stretched(found, pieces, 4):
            growth = superlinear(partial(_through, pattern, way), texts, longest)
            assert not growth, f"{name}.{way}({words}): {growth:.0f} times the work for 8 times the text"


def _message_with(*fields: str) -> Callable[[str], bytes]:
    """A message that has a text in each of these fields."""

    def build(text: str) -> bytes:
        folded = text.replace("\n", "\n ")
        return "".join([*(f"{name}: {folded}\n" for name in fields), "\nYes.\n"]).encode("utf-8", "surrogateescape")

    return build


def _read(build: Callable[[str], bytes]) -> Callable[[str], object]:
    return lambda text: read_redacted(build(text), FORM, "-- above --")


def _body(kind: str) -> Callable[[str], bytes]:
    return lambda text: message(text.encode("utf-8", "surrogateescape"), f"Content-Type: {kind}")


def _octets(run: Callable[[bytes], object]) -> Callable[[str], object]:
    return lambda text: run(text.encode("utf-8", "surrogateescape"))


def _results(text: str) -> object:
    values = [f"mx.example; dkim=pass {text}", f"mx.example{text};", f"{text}mx.example; dmarc=pass header.from={text}"]
    signed = [f"v=1; a=rsa-sha256; d={text}; s=s; h=from; bh=x; b=AAAABBBB", text]
    plain = are_plain(f"<jane@{text}>", [text], f"jane@{text}")
    return authentication(values, signed, "mx.example", f"jane@{text}", no_owner, plain)


def _signatures(text: str) -> object:
    return dkim_signature.signatures([text] * 16)


def _recipient(text: str) -> object:
    return [addresses.classify(FORM, text, resolved) for resolved in (None, text, f"reply+x@{text}")]


def _mint_request(text: str) -> object:
    try:
        return mint_request.read(text)
    except MintError as error:
        return error


_WRAPPED = handler_of("gitea")
assert _WRAPPED.wrap is not None
_WRAP = _WRAPPED.wrap
_NATIVE = f"incoming+{'A' * 60}@git.example.com"


def _wrapped(text: str) -> object:
    """The text in each field that is rewritten."""
    names = ("Reply-To", "List-Post", "List-Unsubscribe", "References", "In-Reply-To", "Subject", "DKIM-Signature")
    draft = Draft([("Reply-To", _NATIVE), *((name, text) for name in names)])
    try:
        return outward.wrap(draft, outward.Outbound(("jane@example.org",), "", 1767225600), _WRAPPED, KEYRING, FORM)
    except outward.WrapError as error:
        return error


_PATTERNS = [
    *(parse(preset.address, preset.key or "[a-z]{8,256}") for preset in PRESETS.values()),
    parse("{key}+a{any}b@x.test", "[ab]{1,9}-[ab]{8,99}"),
    *map(glob, ("*@x.test", "*-*@x.test", "a+*-*-*-issue@x.test", "*ab*ab*ab*ab@x.test")),
]


def _native(text: str) -> object:
    return [(p.local.fullmatch(text), p.native.fullmatch(text), p.match(f"{text}@{p.domain}")) for p in _PATTERNS]


def _keys_in(text: str) -> object:
    return [(pattern.key_form.finds_in(text), pattern.key_form.fullmatch(text)) for pattern in _PATTERNS]


_KEYS = [
    "a" * 32,
    "0123-0123456789012345678901234-0",
    "incoming+" + "A" * 60,
    "dev-confirm+" + "b" * 40,
    "a-confirm+b-",
]


def _restored(plain: Plain, wrap: Wrap, *names: str) -> Callable[[str], object]:
    how = Restoring(plain, wrap, Road.WRAPPED, "a" * 26, "pass", "mx.example.com", "reply.example.com", 0)
    build = _message_with(*names)
    author = b"" if "From" in names else b"From: bob@example.net\n"
    return lambda text: restore(author + build(text), how)


_SAID = ["On 1:11 a@b.c wrote:\n> b\n-- \nc"]
_QUOTED = [
    "x\n\nNuo: a@b\nX: 1:11 1999\nY: z\n\nw",
    "x\n---- Replied Message ----\n| From | a@b |\n| Date | 1:11 |\n| To | c |\n",
    "x\n     a@b   To\n     1:11 1999   Subject\n",
    "x\n>>> a 1:11 1/1/11 >>>\n",
    "x <a@b> 1:11 1999:\n > a\nC> b",
]
_TOKEN = "reply+" + "0" * 10 + "a" * 48 + "@reply.example.com"
FUNCTIONS: dict[str, tuple[Callable[[str], object], list[str]]] = {
    "mailboxes": (mailbox.mailboxes, ["Alice <alice@client.test>", "g:a@b,c@d;", '"a" <@b:c@d>']),
    "named": (mailbox.named, ['"Alice \\"x" B <alice@client.test>']),
    "normalise": (domain.normalise, ["alice+x@client.test"]),
    "to_ascii": (domain.to_ascii, ["client.test", "b\u00fccher.test"]),
    "without_comments": (comments.without_comments, ['a (b (c) \\) "d" e']),
    "identifiers": (message_ids.identifiers, ["<a@b> (c) <d@e>"]),
    "identifiers from the last": (partial(message_ids.identifiers, last_first=True), ["<a@b> (c) <d@e>"]),
    "own_id": (message_ids.own_id, ["(c) <a@b>"]),
    "parse": (message_id.parse, ["a/b/1220588887.k3f9@example.com"]),
    "is_usable": (message_id.is_usable, ["a/b@c"]),
    "candidates": (lambda text: thread.candidates(text, text), ["<a@b>", "a@b c@d"]),
    "capsule": (
        lambda text: capsule.find([text, capsule.readable(text)], frozenset({"reply.test"})),
        ["w1.ojsxa3dzfvwws3dumvzc6mi@reply.test", "<a@b> =?utf-8?q?=3Cw1=2Eab=40reply=2Etest=3E?="],
    ),
    "readings": (lambda text: list(outward_keys.readings(text)), ["=?u?q?a=40b?= =?u?b?YQ==?=", "%2541%42 50%"]),
    "natives": (lambda text: list(outward_keys.natives_in(text, _WRAP.address)), [f"<{_NATIVE}>", "a@b, c@d"]),
    "wrapped header": (_wrapped, [f"Shop (x) <{_NATIVE}>, g: a@b;", f"<mailto:{_NATIVE}>, <https://a>"]),
    "keyword": (auto_reply.keyword, ["auto-replied (x); a=b"]),
    "without_twins": (lambda text: headers.without_twins({"date": [text, text]}), ["a\r\n b"]),
    "answer": (answer_of, ["Yes.", "No, that was not me"]),
    "dkim signatures": (_signatures, ["v=1; a=rsa-sha256; d=a.test; s=s; bh=x; i=a@a.test; b=AAAA BBBB"]),
    "authentication": (_results, ["header.d=client.test reason=\"a\"", "client.test"]),
    "recipient": (_recipient, [f"<{_TOKEN}>", '<"reply+x"@reply.example.com>', "<@a,@b:c%reply.example.com@d>"]),
    "token": (lambda text: token.parse(text, 26), [_TOKEN[6:64]]),
    "mint request": (_mint_request, ["handler=issue; user=42; locator=a/b"]),
    "unseal": (lambda text: verdict_header.unseal([text], [bytes(32)]), ["v=1; result=pass; seal=abc"]),
    "sealed reply": (_octets(lambda octets: sealed_reply.open_reply(octets, [bytes(32)])), ["X-Reply-Verdict: a\n\nc"]),
    "message file": (_octets(message_file.split), ["From a\nA: b\n c\n\nd"]),
    "as sent": (_octets(message_file.as_sent), ["a\nb\r\n"]),
    "body digest": (_octets(lambda octets: fingerprint.BodyDigest().feed(octets)), ["a b\r\n"]),
    "one line": (confirmation.one_line, ["a b"]),
    "encoded words": (encoded_words.decode, ["=?utf-8?q?a=20b?= =?utf-8?b?YQ==?="]),
    "parameters": (parameters.parse, ['text/plain; charset="a"; name*0*=utf-8\'\'%41; x=y']),
    "base64": (_octets(lambda octets: transfer.decode(octets, "base64")), ["YWJj\nYQ=="]),
    "quoted-printable": (_octets(lambda octets: transfer.decode(octets, "quoted-printable")), ["a=20b=\nc"]),
    "strip": (lambda text: stripping.strip(lines.of_text(text), "-- above --"), [*_SAID, *_QUOTED]),
    "flowed": (lambda text: flowed.undone(text, {"format": "flowed", "delsp": "yes"}), ["> a \n> b\n-- \n c \nd"]),
    "armour": (
        lambda text: inline_pgp.without_armour(lines.of_text(text)),
        [
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: a\n\n- b\n-----BEGIN PGP SIGNATURE-----\n\na\n"
            "-----END PGP SIGNATURE-----"
        ],
    ),
    "render": (html_text.render, ["<a href='http://b'>c</a>&amp;<blockquote>d", "<!--a--><style>b</style>"]),
    "redact": (lambda text: redact(text, FORM), [f"a {_TOKEN} b", "reply%2Ba@reply.example.com"]),
    "redact message": (_octets(lambda octets: redact_message(octets, FORM)), [f"To: {_TOKEN}\n\n{_TOKEN}"]),
    "people of a message": (_read(_message_with("From", "To", "Cc", "Reply-To")), ["Alice <a@b>, c@d"]),
    "fields of a message": (_read(_message_with("Subject", "Date", "Message-ID", "X-A")), ["=?utf-8?q?a?= <a@b>"]),
    "type of a message": (_read(_message_with("Content-Type", "Content-Disposition")), ["multipart/mixed; boundary=b"]),
    "text of a message": (_read(_body("text/plain")), ["a\nOn 1:11 a@b.c wrote:\n> b"]),
    "HTML of a message": (_read(_body("text/html")), ["<p>a</p><a href='http://b'>c</a>"]),
    "parts of a message": (_read(_body("multipart/mixed; boundary=b")), ["--b\nContent-Type: a/b\n\nc\n--b--\n"]),
    "native addresses": (_native, [*_KEYS, "incoming", "in+a-b-issue", "abababab"]),
    "keys in a text": (_keys_in, _KEYS),
    "people restored": (_restored(GITEA_PLAIN, GITEA, "From"), ["Alice <a@b>", "=?utf-8?q?a?= <a@b>"]),
    "subject restored": (_restored(REDMINE_PLAIN, REDMINE, "Subject"), ["Re: [a #1] b", "=?utf-8?q?[a]?= \u00fc"]),
    "ids restored": (_restored(GITEA_PLAIN, GITEA, "References", "Message-ID", "Date"), ["<a@b>,<c@d> <e@f>"]),
    "types restored": (
        _restored(GITEA_PLAIN, GITEA, "Content-Type", "Content-Disposition", "Content-Language", "Precedence"),
        ['multipart/mixed; boundary="a"; b=c (d)', "de, en"],
    ),
    "traceback": (logs._without_addresses, [f"a {_TOKEN}"]),
    "log line": (
        lambda text: (explained(read_line(text), Terminal(80)), read_line(text).names("4Q1")),
        ['delivery queue=4Q1 why="a b-c" ms=1', '{"event": "message", "queue": "4Q1"}', "x y reply-milter[7]: a <b> c"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_linear(name: str) -> None:
    """Whatever stands before an expression and behind it, and what calls the libraries."""
    run, seeds = FUNCTIONS[name]
    for words, texts in stretched(seeds, list(PIECES), 2):
        growth = superlinear(run, texts)
        assert not growth, f"{name}({words}): {growth:.0f} times the work for 8 times the text"


@pytest.mark.parametrize(
    "codec", sorted({*charset_names.SINGLE, *charset_names.MULTIPLE, *charset_names.WIDE, "utf-8", "utf-7", "unknown"})
)
def test_decoding_is_linear(codec: str) -> None:
    """Every charset that a message may declare, with octets that are none of it."""
    for octets in (b"a", b"\xff", b"\x80", b"\x1b$B", b"\x1b", b"\x81", b"\x8e", b"\xe9\x00", b"\xd8", b"=", b"~{"):
        growth = superlinear(lambda text: charset.decode(text.encode("latin-1"), codec), _of(octets))
        assert not growth, f"{codec}, {octets!r}: {growth:.0f} times the work for 8 times the octets"


def _of(octets: bytes) -> Callable[[int], str]:
    return lambda size: octets.decode("latin-1") * (size // len(octets))


def test_the_measure_sees_a_square() -> None:
    """The expression that there was, and a loop over pairs."""
    was = re.compile(r"[ \t\r\n]*([@.])[ \t\r\n]*")
    assert superlinear(lambda text: was.sub("", text), lambda size: "a" + " " * size + "x", 8_000)
    assert superlinear(lambda text: [text.count(one) for one in text], lambda size: "a" * size, 8_000)
    assert not superlinear(lambda text: [one for one in text for _ in range(20)], lambda size: "a" * size)
