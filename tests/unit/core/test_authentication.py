"""Whose word about the author is taken, and what it says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reply_milter.adapters.public_suffixes import organisational_domains
from reply_milter.core.authentication import Authentication, authentication, nobody

MX = "mx.example.com"
OWNERS = organisational_domains()
AUTHOR = "jane@client.example"
PASS, FAIL, NONE = Authentication


def of(*values: str) -> Authentication:
    """What the fields say about AUTHOR."""
    return authentication(values, MX, AUTHOR, OWNERS)


@pytest.mark.parametrize(
    "value,found",
    [
        (f"{MX}; dmarc=pass (p=reject dis=none) header.from=client.example", PASS),
        (f"{MX}; dmarc=pass header.from=mail.client.example", PASS),  # Rspamd names the domain with the policy
        (f"{MX}; dmarc=pass header.from=evil.example", FAIL),  # of another author
        (f"{MX}; dmarc=fail (p=reject dis=none) header.from=client.example", FAIL),
        (f"{MX}; dmarc=none header.from=client.example", FAIL),
        (f"{MX}; dmarc=temperror", FAIL),
        (f"{MX}; dkim=pass (2048-bit key) header.d=client.example header.i=@client.example header.b=x", PASS),
        (f"{MX}; dkim=pass header.i=@mail.client.example", PASS),
        (f"{MX}; dkim=pass header.i=@client.example", PASS),
        (f"{MX}; dkim=pass header.d=other.example; dkim=pass header.d=client.example", PASS),
        (f"{MX}; dkim=fail header.d=client.example", FAIL),
        (f"{MX}; dkim=pass header.d=other.example", FAIL),
        (f"{MX}; dkim=pass header.d=notclient.example", FAIL),
        (f"{MX}; dkim=pass header.d=sub.client.example", PASS),
        (f"{MX}; dkim=pass header.d=example", FAIL),
        (f"{MX}; dkim=pass", FAIL),
        (f"{MX}; dkim=pass smtp.d=client.example", FAIL),
        (f"{MX}; dkim=pass header.d=other.example; dmarc=pass", PASS),
        (f"{MX}; none", NONE),
        (f"{MX}; dmarc=pass; none", PASS),
        (f"{MX}; spf=pass smtp.mailfrom=client.example", NONE),
        (f"{MX}; arc=pass", NONE),
        (f"{MX}; x-reply-token=pass", NONE),
        (f" {MX.upper()} 1 ;\r\n\tDMARC=Pass;", PASS),
        (f"{MX}; dmarc=pass (Gr\udcfc\udcdfe)", PASS),
        (f"{MX}; dkim=neutral reason=\"invalid; dmarc=pass\" header.d=client.example", FAIL),
        (f"{MX}; dkim=fail (dmarc=pass) header.d=client.example", FAIL),
        ("mx.example.org; dmarc=pass", NONE),
        (f"x{MX}; dmarc=pass", NONE),
        (f"{MX}.evil.example; dmarc=pass", NONE),
        (f'"{MX}"; dmarc=pass', NONE),
        (f"(x) {MX}; dmarc=pass", NONE),
        (f"{MX}/1; dmarc=pass", NONE),
        (f"{MX} 2; dmarc=pass", NONE),
        (MX, NONE),
        ("", NONE),
    ],
)  # fmt: skip
def test_one_field(value: str, found: Authentication) -> None:
    """DMARC, or DKIM of a domain of the author's owner, in a field of our own authserv-id, plainly spelled."""
    assert of(value) is found


def test_no_authserv_id_hears_nobody() -> None:
    """The default: whoever writes such fields is not known."""
    assert authentication([f"{MX}; dmarc=pass"], "", AUTHOR, OWNERS) is NONE


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
        ("client..example", "client..example.", PASS),
        ("x." * 200 + "client.example", "client.example", FAIL),
    ],
)
def test_dkim_vouches_for_the_domains_of_one_owner(signer: str, author: str, found: Authentication) -> None:
    """Relaxed alignment: what was registered is compared. A public suffix never vouches for those below it."""
    assert authentication([f"{MX}; dkim=pass header.d={signer}"], MX, f"jane@{author}", OWNERS) is found


def test_without_a_list_only_the_very_same_domain_vouches() -> None:
    """Nobody is taken for the owner of another's name."""
    for signer, found in (("client.example", PASS), ("sub.client.example", FAIL), ("example", FAIL)):
        assert authentication([f"{MX}; dkim=pass header.d={signer}"], MX, AUTHOR, nobody) is found


def test_two_milters_write_a_field_each() -> None:
    """OpenDMARC's above OpenDKIM's."""
    assert of(f"{MX}; dmarc=fail header.from=client.example", f"{MX}; dkim=pass header.d=client.example") is PASS
    assert of(f"{MX}; dmarc=fail header.from=client.example", f"{MX}; dkim=fail header.d=client.example") is FAIL


def test_the_topmost_field_of_a_method_is_heard() -> None:
    """What the client brought stands below what the milters added."""
    assert of(f"{MX}; dmarc=fail", f"{MX}; dmarc=pass") is FAIL
    assert of(f"{MX}; dkim=fail header.d=client.example", f"{MX}; dkim=pass header.d=client.example") is FAIL


@pytest.mark.parametrize(
    "value",
    [
        f"{MX}; dmarc",
        f"{MX}; dmarc=",
        f"{MX}; dmarc=pass (never closed",
        f"{MX}; " + "dkim=pass header.d=other.example; " * 400,
        f"{MX}; dmarc=fail " + "(" * 3000,
    ],
)
def test_a_field_that_cannot_be_read_is_no_pass(value: str) -> None:
    """And it is no silence either."""
    assert of(value) is FAIL


def test_a_flood_of_fields_is_not_read() -> None:
    """Sixteen are, from the top."""
    assert of(*[f"{MX}; spf=pass"] * 16, f"{MX}; dmarc=pass") is NONE
    assert of(*["other.example; dmarc=fail"] * 1000, f"{MX}; dmarc=pass") is PASS


@pytest.mark.parametrize("author", ["", "jane", '"j d"@client.example', "jane@CLIENT.EXAMPLE.", "jane@[192.0.2.1]"])
def test_odd_authors(author: str) -> None:
    """Compared by domain; without one, DKIM vouches for nobody."""
    found = authentication([f"{MX}; dkim=pass header.d=client.example"], MX, author, OWNERS)
    assert found is (PASS if "client" in author.lower() else FAIL)


@given(st.text(max_size=300), st.text(max_size=40))
def test_nothing_that_a_client_writes_raises(value: str, author: str) -> None:
    """Invariant: one of three words, whatever the text."""
    assert authentication([f"{MX};{value}", value], MX, author, OWNERS) in Authentication
