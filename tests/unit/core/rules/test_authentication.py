"""Whose word about the author is taken, what it says, and what the message's signatures bear out."""

from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.adapters.public_suffixes import organisational_domains
from reply_milter.core.rules.authentication import Authentication, are_plain, authentication, no_owner

MX = "mx.example.com"
OWNERS = organisational_domains()
AUTHOR = "jane@client.example"
PASS, FAIL, NONE = Authentication
OCTETS = "P/5v9+fYLoZDXXoKq24MvUtTBLM="
CLIENT = "header.d=client.example header.b=P/5v9+fY"
OTHER = "header.d=other.example header.b=P/5v9+fY"


def signature(domain: str = "client.example", octets: str = OCTETS, more: str = "") -> str:
    """A DKIM-Signature as it arrives: folded, with blanks."""
    half = len(octets) // 2
    return (
        f" v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s=s1;{more}\r\n\th=from:to; bh=eHh4eHg=;\r\n"
        f"\tb={octets[:half]}\r\n\t {octets[half:]}"
    )


SIGNED = [signature(), signature("other.example")]


def of(*values: str, signed: list[str] = SIGNED, sender: str = "", written: str = f"Jane <{AUTHOR}>") -> Authentication:
    """What the fields say about AUTHOR, in a message from ``sender`` whose From is ``written``."""
    return authentication(values, signed, MX, AUTHOR, OWNERS, envelope_is_plain=are_plain(sender, [written], AUTHOR))


@pytest.mark.parametrize(
    "value,found",
    [
        (f"{MX}; dkim=pass (2048-bit key) {CLIENT} header.i=@client.example header.s=s1", PASS),
        (f"{MX}; dkim=pass header.d=CLIENT.example header.b=\"P/5v9+fY\"", PASS),
        (f"{MX}; dkim=pass header.d=client.example header.b={OCTETS}", PASS),
        (f"{MX}; dkim=pass {OTHER}; dkim=pass {CLIENT}", PASS),
        (f"{MX}; dkim=pass {OTHER}; dmarc=pass header.from=client.example", FAIL),
        (f"{MX}; dkim=pass {CLIENT}; dmarc=pass header.from=client.example", PASS),
        (f"{MX}; dkim=pass {CLIENT}; dmarc=fail header.from=client.example", PASS),
        (f"{MX}; dkim=fail {CLIENT}", FAIL),
        (f"{MX}; dkim=pass {OTHER}", FAIL),
        (f"{MX}; dkim=pass", FAIL),
        (f"{MX}; dkim=none", FAIL),
        (f"{MX}; dkim=pass smtp.d=client.example header.b=P/5v9+fY", FAIL),
        # What no signature bears out.
        (f"{MX}; dmarc=pass (p=reject dis=none) header.from=client.example", FAIL),
        (f"{MX}; dkim=pass header.d=client.example header.i=@client.example", FAIL),
        (f"{MX}; dkim=pass header.i=@client.example header.b=P/5v9+fY", FAIL),
        (f"{MX}; dkim=pass header.d=client.example header.b=P/5v9+f", FAIL),
        (f"{MX}; dkim=pass header.d=client.example header.b=P/5v9+fZ", FAIL),
        (f"{MX}; dkim=pass header.d=client.example header.b={OCTETS}=", FAIL),
        (f"{MX}; dkim=pass header.d=sub.client.example header.b=P/5v9+fY", FAIL),
        # Words of a stranger among them.
        (f"{MX}; dkim=pass {CLIENT}; dkim=pass {CLIENT}", FAIL),
        (f"{MX}; dkim=fail {CLIENT}; dkim=pass {CLIENT}", FAIL),
        (f"{MX}; dkim=fail {OTHER} header.i=x; dkim=pass {CLIENT}; dkim=fail {CLIENT}", FAIL),
        (f"{MX}; dkim=pass {CLIENT} header.d=client.example", FAIL),
        (f"{MX}; dkim=pass {CLIENT} header.D=client.example", FAIL),
        (f"{MX}; dkim=pass {CLIENT} header.i=\"a b@client.example\"", FAIL),
        (f"{MX}; dkim=pass header.s=x(c)header.d=client.example header.d=other.example header.b=P/5v9+fY", FAIL),
        (f"{MX}; spf=fail smtp.mailfrom=x; dkim=pass {CLIENT}", FAIL),
        (f"{MX}; dmarc=none header.from=x; dkim=pass {CLIENT}", FAIL),
        (f"{MX}; dkim=neutral reason=\"invalid; dkim=pass {CLIENT}\" header.d=client.example", FAIL),
        (f"{MX}; dkim=fail (; dkim=pass {CLIENT};) header.d=client.example", FAIL),
        (f"{MX}; dkim=fail ({CLIENT}) header.d=client.example", FAIL),
        # What can't be read spoils nothing else.
        (f"{MX}; (null)=pass; dkim=pass {CLIENT}", PASS),
        (f"{MX}; (null)=pass smtp.mailfrom=x; dkim=pass {CLIENT}", FAIL),
        (f"{MX}; (c) spf=pass; dkim=pass {CLIENT}", FAIL),
        (f"{MX}; spf; dkim=pass {CLIENT}", FAIL),
        (f"{MX}; dkim=pass {CLIENT}; (null)=pass", PASS),
        (f"{MX}; dkim=pass {CLIENT}; (null)=pass; dmarc=pass header.from=client.example", PASS),
        (f"{MX}; dkim=pass {CLIENT}; dkim-atps=neutral; arc=none", PASS),
        (f"{MX}; dkim=pass {CLIENT}; spf=pass smtp.mailfrom=\"a\" b@c", PASS),
        (f"{MX}; dkim=pass {CLIENT}; dkim=fail header.d=other.example header.a=(null) header.b=P/5v9+fY", PASS),
        (f"{MX}; (null)=pass", FAIL),
        (f"{MX}; dkim=(null) {CLIENT}", FAIL),
        # Of whom, and about what.
        (f"{MX}; none", NONE),
        (f"{MX}; dkim=pass {CLIENT}; none", PASS),
        (f"{MX}; spf=pass smtp.mailfrom=client.example", NONE),
        (f"{MX}; arc=pass", NONE),
        (f"{MX}; x-reply-token=pass", NONE),
        (f" {MX.upper()} 1 ;\r\n\tDKIM=Pass\r\n\t{CLIENT};", PASS),
        (f"{MX}; dkim=pass (Gr\udcfc\udcdfe) {CLIENT}", PASS),
        (f"mx.example.org; dkim=pass {CLIENT}", NONE),
        (f"x{MX}; dkim=pass {CLIENT}", NONE),
        (f"{MX}.evil.example; dkim=pass {CLIENT}", NONE),
        (f"\"{MX}\"; dkim=pass {CLIENT}", NONE),
        (f"(x) {MX}; dkim=pass {CLIENT}", NONE),
        (f"{MX}/1; dkim=pass {CLIENT}", NONE),
        (f"{MX} 2; dkim=pass {CLIENT}", NONE),
        (MX, NONE),
        ("", NONE),
    ],
)  # fmt: skip
def test_one_field(value: str, found: Authentication) -> None:
    """DKIM of a domain of the author's owner, in a field of our own authserv-id, plainly spelled, and borne out."""
    assert of(value) is found


ENVELOPE = "<j.doe+x=1@client.example>"
SPF = "spf=pass (mx: domain of j@client.example designates 192.0.2.1 as permitted) smtp.mailfrom=j@client.example"
DMARC = "dmarc=pass (policy=none) header.from=client.example"
DKIM = f"dkim=pass {CLIENT}"


@pytest.mark.parametrize("order", list(permutations(
    [SPF, DMARC, DKIM, 'arc=pass ("client.example:s=s1:i=1")', "auth=pass smtp.auth=jane smtp.mailfrom=j@c.example"]
)))  # fmt: skip
def test_methods_in_any_order(order: tuple[str, ...]) -> None:
    """Rspamd's value differs per message. A stranger could not shape the words from envelope and From."""
    assert of(f"{MX};\r\n\t" + ";\r\n\t".join(order), sender=ENVELOPE) is PASS
    failed = "; ".join(order).replace("dkim=pass", "dkim=fail")
    assert of(f"{MX}; {failed}", sender=ENVELOPE) is FAIL


@pytest.mark.parametrize(
    "sender,written,before,found",
    [
        (ENVELOPE, AUTHOR, SPF, PASS),
        ("<>", AUTHOR, "spf=pass", PASS),
        ("<prvs=1a2b=j.doe@client.example>", AUTHOR, 'spf=pass smtp.mailfrom="prvs=1a2b=j.doe@client.example"', PASS),
        (ENVELOPE, f'"Doe, Jane (x)" <{AUTHOR}>', DMARC, PASS),
        (ENVELOPE, AUTHOR, "(null)=pass", PASS),
        (ENVELOPE, AUTHOR, "dmarc=none", PASS),
        (ENVELOPE, AUTHOR, 'dmarc=fail reason="SPF not aligned (relaxed), DKIM not aligned (strict)"', PASS),
        # Who sent it is not known, or has written what may end a result.
        ("", AUTHOR, SPF, FAIL),
        ('<"@x; dkim=pass"@y.example>', AUTHOR, SPF, FAIL),
        ("<j;x@client.example>", AUTHOR, SPF, FAIL),
        ("<j(x)@client.example>", AUTHOR, SPF, FAIL),
        ("<j\\@client.example>", AUTHOR, SPF, FAIL),
        ("<j x@client.example>", AUTHOR, SPF, FAIL),
        ("<j\uff1b@client.example>", AUTHOR, SPF, FAIL),
        ("<@a,@b:j@client.example>", AUTHOR, SPF, FAIL),
        ("<j@[192.0.2.1]>", AUTHOR, SPF, FAIL),
        (f"<{'j' * 321}@client.example>", AUTHOR, SPF, FAIL),
        (ENVELOPE, f"Jane; Doe <{AUTHOR}>", SPF, FAIL),
        (ENVELOPE, f"{AUTHOR} (; dkim=pass)", DMARC, FAIL),
        # The client's name could say anything; and so could what can't be read, or holds odd words.
        ("<>", AUTHOR, "spf=pass smtp.helo=client.example", FAIL),
        ("<>", AUTHOR, "spf=pass (x) SMTP.HELO=client.example", FAIL),
        (ENVELOPE, AUTHOR, "spf=pass (helo=x) smtp.mailfrom=j@client.example", FAIL),
        (ENVELOPE, AUTHOR, "spf=pass smtp.mailfrom=\"a b\"", FAIL),
        (ENVELOPE, AUTHOR, "spf=pass reason=\"a; b\"", FAIL),
        (ENVELOPE, AUTHOR, "spf=pass x", FAIL),
        (ENVELOPE, AUTHOR, "spf", FAIL),
    ],
)  # fmt: skip
def test_what_stands_before_dkim(sender: str, written: str, before: str, found: Authentication) -> None:
    """A dkim=pass right of other results counts only where no stranger can have shaped these."""
    assert of(f"{MX}; {before}; {DKIM}", sender=sender, written=written) is found
    assert of(f"{MX}; {DKIM}; {before}", sender=sender, written=written) is PASS


def test_an_odd_result_behind_dkim_is_no_plain_field() -> None:
    """What a stranger's words leave over stands to the right of them."""
    assert of(f"{MX}; {SPF}; {DKIM}; spf=pass smtp.helo=x", sender=ENVELOPE) is FAIL
    assert of(f"{MX}; {SPF}; {DKIM}; x", sender=ENVELOPE) is FAIL


def test_an_author_that_is_not_plain() -> None:
    """Verifiers read From in other ways than we do."""
    for author in ("", "jane", '"j d"@client.example', "jane@client.example;x", "jane@[192.0.2.1]"):
        assert not are_plain(ENVELOPE, [f"<{author}>"], author)
    assert are_plain(ENVELOPE, ["<jane@client.example>"], "jane@client.example")
    assert not are_plain(ENVELOPE, [], "jane@client.example")


def test_no_authserv_id_hears_nobody() -> None:
    """The default: whoever writes such fields is not known."""
    assert authentication([f"{MX}; dkim=pass {CLIENT}"], SIGNED, "", AUTHOR, OWNERS) is NONE


@pytest.mark.parametrize(
    "signer,author,found",
    [
        ("shop.co.uk", "mail.shop.co.uk", PASS),
        ("mail.shop.co.uk", "shop.co.uk", PASS),
        ("a.shop.co.uk", "b.shop.co.uk", PASS),
        ("co.uk", "shop.co.uk", FAIL),
        ("other.co.uk", "shop.co.uk", FAIL),
        ("uk", "shop.co.uk", FAIL),
        ("github.io", "me.github.io", FAIL),
        ("you.github.io", "me.github.io", FAIL),
        ("me.github.io", "you.me.github.io", PASS),
        ("me.github.io", "github.io", FAIL),
        ("github.io", "github.io", PASS),  # strictly: nobody else's name
        ("MAIL.Shop.Co.UK.", "SHOP.co.uk", PASS),
        ("xn--bcher-kva.example", "mail.bücher.example", PASS),
        ("com", "com", FAIL),
        ("x." * 200 + "client.example", "client.example", FAIL),
    ],
)
def test_dkim_vouches_for_the_domains_of_one_owner(signer: str, author: str, found: Authentication) -> None:
    """Relaxed alignment: what was registered is compared. A public suffix never vouches for those below it."""
    value = f"{MX}; dkim=pass header.d={signer} header.b=P/5v9+fY"
    assert authentication([value], [signature(signer)], MX, f"jane@{author}", OWNERS) is found


def test_without_a_list_only_the_very_same_domain_vouches() -> None:
    """A domain does not vouch for a domain of another owner."""
    for signer, found in (("client.example", PASS), ("sub.client.example", FAIL), ("example", FAIL)):
        value = f"{MX}; dkim=pass header.d={signer} header.b=P/5v9+fY"
        assert authentication([value], [signature(signer)], MX, AUTHOR, no_owner) is found


def test_two_milters_write_a_field_each() -> None:
    """OpenDMARC's above OpenDKIM's."""
    for dmarc, (dkim, found) in product(("pass", "fail"), (("pass", PASS), ("fail", FAIL))):
        assert of(f"{MX}; dmarc={dmarc} header.from=client.example", f"{MX}; dkim={dkim} {CLIENT}") is found


def test_the_topmost_field_of_a_method_is_heard() -> None:
    """What the client brought stands below what the milters added."""
    assert of(f"{MX}; dkim=fail {CLIENT}", f"{MX}; dkim=pass {CLIENT}") is FAIL
    assert of(f"{MX}; dkim=pass {CLIENT}", f"{MX}; dkim=fail {OTHER}") is PASS
    assert of(f"{MX}; dkim=pass {CLIENT}", f"{MX}; dkim=fail {CLIENT}") is FAIL  # two words about one signature


@pytest.mark.parametrize(
    "signed",
    [
        [],
        [signature("other.example")] * 2,
        [signature(octets="AAAABBBBCCCC")],
        [signature(more=" i=@client.example; i=@client.example;")],
        [signature(more=" i=x=3B=20dkim=3Dpass@client.example;")],
        [signature(more=" i=a=40client.example;"), signature()],
        [signature(more=' i="a"@client.example;')],
        [signature(more=" i=a(c)@client.example;")],
        [signature(more=" i=;")],
        [signature(more=" I=x=3B@client.example;")],
        [signature().replace("s=s1", "s=x(c)header.d=client.example")],
        [signature().replace("s=s1", 's="')],
        [signature().replace("a=rsa", 'a="')],
        [signature(), signature(octets=OCTETS + "(c)header.d=client.example")],
        [signature(), signature(octets="AAAA\x00BBBB")],
        [signature(), signature("cli\udcfcent.example")],
        [signature(), *[signature("other.example")] * 16],
        [signature(), signature("other.example", more=" z=" + "x" * 20000 + ";")],
        # What OpenDKIM says nothing about, so that a forged field would be the only one.
        *[
            [signature(more=f" {tag};")]
            for tag in ("t=x", "x=-1", "t=", "t=" + "9" * 24, "z=a\x01", "z=\xe4", "_a=b", "a b=c", "n")
        ],
        [signature(more=";")],
        ["; " + signature()],
        [signature() + "; foo"],
        [signature().replace("d=", "D=")],
        *[[signature().replace(tag, "x=")] for tag in ("v=", "a=", "d=", "s=", "h=", "bh=", "\tb=")],
    ],
)
def test_a_pass_that_no_signature_bears_out_is_none(signed: list[str]) -> None:
    """None of that domain and b=; one without a tag that it needs; or one whose copied words are not plain."""
    value = f"{MX}; dkim=pass {CLIENT}"
    assert of(value, signed=[signature()]) is PASS
    assert of(value, signed=signed) is FAIL
    assert of(f"{MX}; dmarc=pass header.from=client.example", value, signed=signed) is FAIL


@pytest.mark.parametrize(
    "written",
    [
        signature(
            more=" t=1790000000; x=1800000000; l=10; q=dns/txt; z=From:a=40b|Subject:(x=20y; i=@client.example; n=;"
        ),
        signature(more=" i=jane.doe+x@mail.client.example; r=y; a_b = c ;"),
        signature().replace(";", " ; ").replace("=", " \t= ") + ";\r\n ",
        signature().replace("v=1; ", "").replace(" a=rsa", "\r\n\tv=1;\r\n\ta=rsa"),
        signature(more=" z=" + "x" * 9000 + ";"),
    ],
)
def test_signatures_as_mail_programs_write_them(written: str) -> None:
    """Folded, in any order, with what else RFC 6376 has."""
    assert of(f"{MX}; dkim=pass {CLIENT}", signed=[written]) is PASS


@pytest.mark.parametrize(
    "octets,told,found",
    [
        ("AAAABBBBCCCC", "AAAABBBB", PASS),
        ("AAAABBBBCCCC", "AAAABBBBCC", PASS),
        ("AAAABBBBCCCC", "AAAABBB", FAIL),
        ("AAAABBB=", "AAAABBB=", PASS),
        ("AAAA", "AAAA", PASS),
        ("AAAA", "AAA", FAIL),
        ("AAAA", "AAAAB", FAIL),
    ],
)
def test_how_much_of_a_signature_is_reported(octets: str, told: str, found: Authentication) -> None:
    """RFC 6008: eight octets at least, or all of a shorter one."""
    value = f"{MX}; dkim=pass header.d=client.example header.b={told}"
    assert of(value, signed=[signature(octets=octets)]) is found


def test_a_signature_accounts_for_one_result() -> None:
    """Even if other signatures have no result."""
    others = [signature("other.example", octets) for octets in ("AAAABBBBCCCC", "DDDDEEEEFFFF")]
    twice = f"{MX}; dkim=fail {CLIENT}; dkim=pass {CLIENT}"
    assert of(twice, signed=[signature(), *others]) is FAIL
    assert of(twice, signed=[signature(), signature(), *others]) is PASS
    assert of(f"{MX}; dkim=pass {CLIENT}" + "; dkim=fail" * 2, signed=[signature(), *others]) is PASS
    assert of(f"{MX}; dkim=pass {CLIENT}" + "; dkim=fail" * 3, signed=[signature(), *others]) is FAIL
    assert of(f"{MX}; dkim=pass {CLIENT}" + "; dkim=((null)" * 3, signed=[signature(), *others]) is FAIL


@pytest.mark.parametrize(
    "value",
    [
        f"{MX}; dmarc",
        f"{MX}; dmarc=",
        f"{MX}; dkim=pass {CLIENT} (never closed",
        f"{MX}; dkim=pass {CLIENT} reason=\"never closed",
        f"{MX}; dkim=pass {CLIENT} reason=\"never closed\\\"",
        f"{MX}; dkim=pass {CLIENT};" + " x" * 2100,
        f"{MX}; " + f"dkim=pass {CLIENT}; " * 400,
        f"{MX}; dmarc=fail " + "(" * 3000,
        f"{MX}; dkim=pass {CLIENT} " + "(" * 1500 + ")" * 1500,
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_read_is_no_pass(value: str) -> None:
    """And it is no silence either."""
    assert of(value) is FAIL


def test_a_flood_of_fields_is_not_read() -> None:
    """Sixteen are, from the top."""
    assert of(*[f"{MX}; spf=pass"] * 16, f"{MX}; dkim=pass {CLIENT}") is NONE
    assert of(*["other.example; dmarc=fail"] * 1000, f"{MX}; dkim=pass {CLIENT}") is PASS


@pytest.mark.parametrize("author", ["", "jane", '"j d"@client.example', "jane@CLIENT.EXAMPLE.", "jane@[192.0.2.1]"])
def test_odd_authors(author: str) -> None:
    """Compared by domain; without one, DKIM vouches for no author."""
    found = authentication([f"{MX}; dkim=pass {CLIENT}"], SIGNED, MX, author, OWNERS)
    assert found is (PASS if "client" in author.lower() else FAIL)


@given(st.text(max_size=300), st.text(max_size=40), st.text(max_size=100))
def test_nothing_that_a_client_writes_raises(value: str, author: str, signed: str) -> None:
    """Invariant: one of three words, whatever the text; and never a pass without a signature."""
    values = [f"{MX};{value}", value]
    assert authentication(values, [signed, f"d={signed}", *SIGNED], MX, author, OWNERS) in Authentication
    assert authentication(values, [], MX, author, OWNERS) is not PASS


_PIECES = st.sampled_from(
    ["dkim=pass ", "dkim=fail ", CLIENT, OTHER, "; ", "(", ")", '"', "\\", "header.i=", "x", " ", "spf=pass ", "(null)"]
)


@given(st.lists(_PIECES, max_size=12), st.sampled_from(["fail", "permerror", "neutral"]))
def test_what_a_stranger_puts_behind_a_result_is_never_a_pass(pieces: list[str], result: str) -> None:
    """Invariant: shaped words within a verifier's results, whose one signature is the stranger's own."""
    value = f"{MX}; dkim={result} header.d=other.example header.i={''.join(pieces)} header.b=P/5v9+fY"
    assert of(value, signed=[signature("other.example")]) is not PASS


@given(st.lists(_PIECES, max_size=12), st.sampled_from(["fail", "none", "pass"]), st.booleans())
def test_what_a_stranger_puts_into_the_envelope_is_never_a_pass(pieces: list[str], result: str, null: bool) -> None:
    """Invariant: shaped words in MAIL FROM or HELO, copied unchanged, with a signature that was not verified."""
    shaped = "".join(pieces)
    kind, sender = ("helo", "<>") if null else ("mailfrom", f"<{shaped}>")
    value = f"{MX}; spf={result} (x) smtp.{kind}={shaped}; dkim=fail {OTHER}"
    assert of(value, sender=sender) is not PASS
