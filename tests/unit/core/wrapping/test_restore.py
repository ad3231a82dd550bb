"""The header that an application gets: every line is ours, and what a person wrote stays readable."""

import email
from email import policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.core.wrapping.plain import Plain, ThreadName
from reply_milter.core.wrapping.restore import Restored, Restoring, Unrestorable, restore
from reply_milter.core.wrapping.restore_header import is_plain_address
from reply_milter.core.wrapping.restore_ids import plain_ids
from reply_milter.core.wrapping.restore_lines import unstructured
from reply_milter.core.wrapping.restore_subject import with_tag
from reply_milter.core.wrapping.wrap import Road, Wrap
from tests.support.hostile_headers import ORIGINAL
from tests.support.wrapped import GITEA, GITEA_PLAIN, MESSAGE, REDMINE, REDMINE_PLAIN

_BODY = b"\r\nYes.\r\n"


def restoring(
    plain: Plain = GITEA_PLAIN, wrap: Wrap = GITEA, road: Road = Road.WRAPPED, auth: str = "pass"
) -> Restoring:
    """As the hook asks."""
    return Restoring(
        plain=plain,
        wrap=wrap,
        road=road,
        identifier="abcdefghijklmnopqrstuvwxyz",
        auth=auth,
        authserv_id="mx.example.com",
        host="reply.example.com",
        received=1795892400,
    )


def restored(header: str, how: Restoring | None = None, author: str = "From: bob@example.net\r\n") -> EmailMessage:
    """What a strict reader reads of the restored header."""
    message = (author + header.replace("\n", "\r\n")).encode("utf-8", "surrogateescape")
    found = restore(message + _BODY, how or restoring())
    assert isinstance(found, Restored), found
    read = email.message_from_bytes(found.message, policy=policy.default)
    assert isinstance(read, EmailMessage)
    assert not any(value.defects for value in read.values())
    return read


def test_the_whole_message() -> None:
    """Octet for octet."""
    found = restore(MESSAGE, restoring())
    assert found == Restored(
        ORIGINAL,
        b"Received: by reply.example.com with LMTP id abcdefghijklmnopqrstuvwxyz;\r\n"
        b" Sat, 28 Nov 2026 19:00:00 -0000\r\n"
        b"Authentication-Results: mx.example.com; dmarc=pass header.from=example.net\r\n"
        b"From: =?utf-8?b?QsO2YiBFeGFtcGxl?= <bob@example.net>\r\n"
        b"To: incoming+GOODKEYS@git.example.com\r\n"
        b"Subject: =?utf-8?b?UmU6IMO8IFt4ICM5XSBbc3RhdHVzPXJlc29sdmVkXQ==?=\r\n"
        b"In-Reply-To: <org/repo/issues/9@git.example.com>\r\n"
        b"References: <org/repo/issues/9@git.example.com>\r\n"
        b"Date: Sat, 28 Nov 2026 19:00:00 +0000\r\n"
        b"Message-ID: <reply.1@example.net>\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: text/plain; charset="utf-8"; format="flowed"\r\n'
        b"Content-Transfer-Encoding: 8bit\r\n"
        b"\r\n"
        b"Yes. \xc3\xbc\r\n.\r\n",
    )


def test_an_address_for_everybody_answers_its_own_thread_alone() -> None:
    """Whatever the reply names: another issue, another status, another thread."""
    read = restored(
        "Subject: Re: [Demo - Bug #9] late [status=resolved]\nIn-Reply-To: <redmine.issue-9.1@example.com>\n"
        "References: <redmine.issue-9.1@example.com>\n",
        restoring(REDMINE_PLAIN, REDMINE),
    )
    assert read["to"] == "redmine@example.com"
    assert read["subject"] == "Re: [Demo - Bug #7] late"
    assert read["in-reply-to"] == read["references"] == "<redmine.issue-7.1@example.com>"


def test_an_open_address_of_such_an_application_names_no_thread() -> None:
    """Its ids and tags are its keys; a native address keeps them, as the operator lets it pass."""
    header = "Subject: [Demo - Bug #9] new\nIn-Reply-To: <redmine.issue-9.1@example.com>\n"
    opened = restored(header, restoring(Plain("new-bugs@example.com", ""), REDMINE, Road.OPEN))
    assert (opened["subject"], opened["in-reply-to"]) == ("new", None)
    native = restored(header, restoring(Plain("redmine@example.com", ""), REDMINE, Road.NATIVE))
    assert (native["subject"], native["in-reply-to"]) == ("[Demo - Bug #9] new", "<redmine.issue-9.1@example.com>")


@pytest.mark.parametrize(
    ("identifier", "tag", "written"),
    [
        ("a..b@[127.0.0.1]", "", "<a..b@[127.0.0.1]>"),
        ("a b@c", "[T]", None),
        ("=?x?=@c", "[T]", None),
        ("a>\r\nTo: b", "[T]", None),
        ("", "[T]", None),
    ],
)
def test_the_id_of_a_thread_may_be_a_strangers(identifier: str, tag: str, written: str | None) -> None:
    """Roundup's notifications bear the Message-ID of the mail that made the note."""
    plain = REDMINE_PLAIN._replace(thread=ThreadName(identifier, tag))
    assert restored("Subject: x\n", restoring(plain, REDMINE)).get("in-reply-to") == written


def test_a_thread_that_cannot_be_named_is_a_dead_letter() -> None:
    """The application would open a new issue."""
    plain = REDMINE_PLAIN._replace(thread=ThreadName("a b", ""))
    found = restore(b"From: bob@example.net\r\n\r\n", restoring(plain, REDMINE))
    assert found == Unrestorable("the id of its thread can't be written")


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("Re: [x #7] a", "Re: [T] a"),
        ("[issue7][status=done]a", "[T] a"),
        ("Re: AW: a [[issue7] b] ]c[", "Re: [T] a c"),
        ("=?utf-8?q?Re:_=5Bissue7=5D_=C3=BC?=", "Re: [T] \u00fc"),
        ("=?utf-8?b?PT91dGYtOD9xPz01Qmlzc3VlNz01RD89?= a", "[T] a"),
        ("=?utf-8?q?=5Biss?=\n =?utf-8?q?ue7=5D?= a", "[T] a"),
        ("a =?utf-8?q?=5Bissue7=5D", "[T] a utf-8?q?=5Bissue7=5D"),
        ("", "[T]"),
        ("re : x", "Re: [T] x"),
    ],
)
def test_tags(subject: str, shown: str) -> None:
    """None stays but the thread's, which stands where applications look first."""
    assert with_tag(subject, "[T]") == shown


@given(st.text(st.sampled_from("[]#=? Re:issue7\u00fcqb_5BD-utf8\n"), max_size=60))
def test_no_bracket_of_a_stranger_stays(subject: str) -> None:
    """However they are nested, cut or encoded; and once is enough."""
    shown = with_tag(subject, "[T #1]")
    assert shown.count("[") == shown.count("]") == 1
    assert "[T #1]" in shown and "=?" not in shown
    assert with_tag(shown, "[T #1]").count("[") == 1


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("<a@b.example> <c@d>", ["<a@b.example>", "<c@d>"]),
        ("<a@b>,<c@d><e@f>", ["<a@b>", "<c@d>", "<e@f>"]),
        ("<w1.abc@b> <W1.abc@b>", []),
        ("<reply-abcdkeys@b> <REPLY-ABCDKEYS@b>", []),
        ("=?utf-8?q?<a@b>?= <=?utf-8?q?a?=@b>", []),
        ("< a@b > <a@[127.0.0.1]> <a(c)@b> <x<a@b> <a@b>> a@b <a.@b> <a@@b> <\u00fc@b>", []),
        (f"<{'a' * 900}@b>", []),
    ],
)
def test_ids(value: str, kept: list[str]) -> None:
    """Plain ones alone, without capsules and without what has a key's form."""
    assert plain_ids(value, GITEA.address.key_form.finds_in) == kept


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Bob Example <bob@example.net>", "Bob Example"),
        ('"Example, Bob (X)" <bob@example.net>', "Example Bob X"),
        ("=?utf-8?q?B=C3=B6b?= <bob@example.net>", "B\u00f6b"),
        ('"admin@example.com" <bob@example.net>', ""),
        ("=?utf-8?q?admin=40example.com?= <bob@example.net>", ""),
        ("=?utf-8?q?admin=EF=BC=A0example.com?= <bob@example.net>", ""),
        ("=?utf-8?q?x=0D=0ABcc=3A?= <bob@example.net>", ""),
        ('"x \\" <a>" <bob@example.net>', ""),
        ("bob@example.net (Bob)", ""),
        ('"incoming EVILKEYS" <bob@example.net>', ""),
        ("B" * 65 + " <bob@example.net>", ""),
    ],
)
def test_a_name_stays_if_it_can_be_no_address(written: str, shown: str) -> None:
    """And the address is the one that was judged."""
    read = restored("", author=f"From: {written}\r\n")
    (author,) = read["from"].addresses
    assert (author.display_name, author.addr_spec) == (shown, "bob@example.net")


@pytest.mark.parametrize(
    "author",
    [
        "", "From: a@b.example, c@d.example\r\n", "From: a@b.example\r\nFrom: a@b.example\r\n",
        'From: "a b"@c.example\r\n', "From: a.@b.example\r\n", "From: a@[127.0.0.1]\r\n", "From: a@b..example\r\n",
        "From: =?utf-8?q?x?=@b.example\r\n", "From: \u00fc@b.example\r\n", "From: a@\r\n", "From: x\r\n",
        "From: a@b.example\x00\r\n", "From: a@b.example\x7f\r\n", "From: a@b.exa_mple!\r\n", "From: a@b/c\r\n",
    ],
)  # fmt: skip
def test_an_author_who_is_not_plain_is_not_written(author: str) -> None:
    """The milter refuses these; the hook does not rely on it."""
    assert isinstance(restore(author.encode() + _BODY, restoring()), Unrestorable)


def test_a_domain_beyond_ascii_is_written_as_it_is_looked_up() -> None:
    """SMTPUTF8 is none of what an application must know."""
    read = restored("", author="From: bob@b\u00fccher.example\r\n")
    assert read["from"] == "bob@xn--bcher-kva.example"
    assert "header.from=xn--bcher-kva.example" in str(read["authentication-results"])


@pytest.mark.parametrize("octets", [b"a\rTo: b", b"a\nTo: b", b"\0", b"\x0b", b"\x1b$B", b"\x7f", b"\r\r\n b"])
def test_control_characters_anywhere_in_the_header_are_refused(octets: bytes) -> None:
    """Some reader takes each of them for the end of a line."""
    message = b"From: bob@example.net\r\nX-Any: " + octets + b"\r\n\r\nYes.\r\n"
    assert restore(message, restoring()) == Unrestorable("a control character stands in its header")


def test_line_ends_are_those_of_the_message() -> None:
    """pipe(8) hands over LF alone; a body is never touched, whatever it holds."""
    body = b"a\rb\nc\x00\r\n\n.\n\xff"
    found = restore(b"From: bob@example.net\nSubject: a\n b\n\n" + body, restoring())
    assert isinstance(found, Restored)
    header, _, rest = found.message.partition(b"\n\n")
    assert b"\r" not in header and b"Subject: a b" in header and rest == body


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("text/plain", "text/plain"),
        ("multipart/mixed;\n\tboundary=Apple-Mail=_1; ", 'multipart/mixed; boundary="Apple-Mail=_1"'),
        ('multipart/mixed; boundary="a;b"; boundary=c', 'multipart/mixed; boundary="a;b"'),
        ("text/plain; charset=us-ascii (Plain; text)", 'text/plain; charset="us-ascii"'),
        ('text/plain; name="=?utf-8?q?x?="; charset=utf-8', 'text/plain; charset="utf-8"'),
        ('text/plain; name="incoming+EVILKEYS@git.example.com"', "text/plain"),
        ("text/plain; name=\u00fc; x y=z; =; a=", "text/plain"),
        ("text; charset=utf-8", None),
        ("=?utf-8?q?text/html?=", None),
        ("text / html", None),
    ],
)
def test_content_type(value: str, written: str | None) -> None:
    """What is odd is left out."""
    assert restored(f"Content-Type: {value}\n").get("content-type") == written


@pytest.mark.parametrize(
    "value",
    [
        "multipart/mixed", 'multipart/mixed; boundary="=?x"', "multipart / mixed; boundary=x",
        'multipart/mixed; boundary="a\\"b"', "Multipart/mixed; boundary=\u00fc", 'multipart/mixed; boundary=""',
        f"multipart/mixed; boundary={'x' * 201}",
    ],
)  # fmt: skip
def test_parts_that_could_not_be_found_are_not_lost(value: str) -> None:
    """The whole message stays, as a dead letter."""
    message = f"From: bob@example.net\r\nContent-Type: {value}\r\n".encode() + _BODY
    assert restore(message, restoring()) == Unrestorable("its Content-Type has no boundary that can be written")


@pytest.mark.parametrize(
    ("header", "name", "value"),
    [
        ("Auto-Submitted: auto-replied (vacation)", "auto-submitted", "auto-replied"),
        ("Auto-Submitted: x-incoming+EVILKEYS", "auto-submitted", "auto-replied"),
        ("Auto-Submitted: no", "auto-submitted", "no"),
        ("X-Autoreply: yes", "auto-submitted", "auto-replied"),
        ("X-Precedence: BULK, x", "precedence", "bulk"),
        ("Precedence: first-class", "precedence", None),
        ("X-Precedence: bulk", "auto-submitted", None),
        ("Message-ID: <a@b>", "message-id", "<a@b>"),
        ("Message-ID: <a@b> <c@d>", "message-id", "<abcdefghijklmnopqrstuvwxyz@reply.example.com>"),
        ("Message-ID: <reply-EVILKEYS@b>", "message-id", "<abcdefghijklmnopqrstuvwxyz@reply.example.com>"),
        ("X: y", "message-id", "<abcdefghijklmnopqrstuvwxyz@reply.example.com>"),
        ("Date: Sat, 28 Nov 2026 19:00:00 +0000 (UTC)", "date", "Sat, 28 Nov 2026 19:00:00 +0000"),
        ("Date: <a@b>", "date", None),
        ("Date: EVILKEYS", "date", None),
        ("Date: Sat\u2028To: x", "date", None),
        ("MIME-Version: 1.0 (x)", "mime-version", "1.0"),
        ("Content-Disposition: inline; filename=a.txt", "content-disposition", 'inline; filename="a.txt"'),
        ("Content-Transfer-Encoding: =?x", "content-transfer-encoding", None),
        ("Content-Language: de, en-GB", "content-language", "de, en-GB"),
        ("Content-Description: x", "content-description", None),
        ("Subject: a\u2028To: x", "subject", "a To: x"),
        ("Subject:", "subject", ""),
    ],
)
def test_single_fields(header: str, name: str, value: str | None) -> None:
    """As judged, as they came, made anew, or not at all."""
    read = restored(f"{header}\n")
    found = read.get(name)
    assert found is None if value is None else str(found).startswith(value)


@pytest.mark.parametrize(
    ("auth", "words"), [("pass", "dmarc=pass"), ("fail", "dmarc=fail"), ("none", "none"), ("", "none"), ("x", "none")]
)
def test_authentication_results_are_what_the_seal_says(auth: str, words: str) -> None:
    """Whatever stands in the message."""
    header = "Authentication-Results: mx.example.com; dmarc=pass header.from=example.net\n"
    read = restored(header, restoring(auth=auth))
    (value,) = read.get_all("authentication-results") or []
    assert str(value).startswith(f"mx.example.com; {words}")


@given(st.text(max_size=200))
def test_any_text_comes_back_from_an_unstructured_field(text: str) -> None:
    """But for what could end a line, in lines that RFC 5322 allows."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    written = unstructured("Subject", text)
    assert all(line.strip(" \t") and len(line) <= 998 for line in written.split("\n"))
    assert written.isascii()
    read = email.message_from_string(f"{written}\n\n", policy=policy.default)["subject"]
    assert str(read).split() == text.translate(dict.fromkeys([*range(32), *range(127, 160), 8232, 8233], " ")).split()


_FIELDS = st.sampled_from(
    ["From: ", "To: ", "Subject: ", "References: ", "Content-Type: ", "Message-ID: ", "Date: ", "Cc: ", "X: ", " ", ""]
)
_LINES = st.tuples(_FIELDS, st.binary(max_size=40)).map(lambda one: one[0].encode() + one[1])


@given(st.lists(_LINES, max_size=8), st.booleans(), st.binary(max_size=30))
def test_no_octets_break_it(lines: list[bytes], crlf: bool, body: bytes) -> None:
    """What is restored has lines of visible ASCII, one body, and every field once; it can be restored once more."""
    end = b"\r\n" if crlf else b"\n"
    message = end.join([b"From: bob@example.net", *lines, b"", b""]) + body
    found = restore(message, restoring())
    if isinstance(found, Unrestorable):
        return
    header, blank, _ = found.message.partition(end + end)
    written = header.split(end)
    assert blank and all(line.strip() and len(line) <= 998 for line in written)
    assert all(32 <= octet < 127 for line in written for octet in line)
    names = [line.partition(b":")[0] for line in written if line[:1] != b" "]
    assert len(set(names)) == len(names)
    again = restore(found.message, restoring())
    assert again == found


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("a@b.example", True), ("a+B/c=@b.example", True), ("a@b", True), ("a@b_c.example", True), ("a", False),
        ("a@b.example\n", False), ("a b@c", False), ('"a"@b', False), ("=?x@b", False), ("a@=?b", False), ("@b", False),
        ("a@", False), ("a@b..c", False), ("<a@b>", False), ("a@b,c", False), ("\u00fc@b", False), ("a@\u00fc", False),
    ],
)  # fmt: skip
def test_plain_addresses(address: str, plain: bool) -> None:
    """They read alike everywhere."""
    assert is_plain_address(address) is plain
