"""Who may have addresses minted: every proof that is given holds, and nothing else counts."""

from ipaddress import ip_network

import pytest

from reply_milter.core.notification.application import (
    NO_LOGIN,
    UNPROVEN,
    WRONG_KEY,
    Admission,
    Application,
    Asker,
    Standing,
    admit,
    digest,
    stranger,
)

SECRET, OTHER = "s3cret-of-the-script", "s3cret-of-the-other-one"
HERE, INSIDE = ip_network("127.0.0.1"), ip_network("10.0.0.0/8")
SHOP = Application("shop", frozenset({"issue"}), frozenset({"shop@example.com"}))
SCRIPT = Application("script", frozenset({"issue", "forum"}), frozenset(), (HERE,), "f", digest(SECRET))
FAR = Application("far", frozenset({"news"}), frozenset(), (), "g", digest(OTHER))
BOTH = Application("both", frozenset({"poll"}), frozenset({"poll"}), (INSIDE,))
ALL = (SHOP, SCRIPT, FAR, BOTH)

SHOP_MAY_NOT = "this application may not ask for that handler, forum: the [[sign.application]] shop names issue"
FAR_MAY_NOT = "this application may not ask for that handler, forum: the [[sign.application]] far names news"
ADMITTED, REFUSED, STRANGER = Standing.ADMITTED, Standing.REFUSED, Standing.STRANGER


@pytest.mark.parametrize(
    "client,login,key,handler,found",
    [
        ("192.0.2.1", "shop@example.com", "", "issue", (ADMITTED, "shop", "")),
        ("192.0.2.1", "shop@example.com", "rubbish", "issue", (REFUSED, "shop", WRONG_KEY)),
        ("192.0.2.1", "shop@example.com", "rubbish", "forum", (REFUSED, "shop", WRONG_KEY)),
        ("192.0.2.1", "shop@example.com", SECRET, "issue", (ADMITTED, "shop", "")),
        ("10.1.1.1", "poll", OTHER + "x", "poll", (REFUSED, "both", WRONG_KEY)),
        ("192.0.2.1", "shop@example.com", "", "", (ADMITTED, "shop", "")),
        ("192.0.2.1", "shop@example.com", "", "forum", (REFUSED, "shop", SHOP_MAY_NOT)),
        ("192.0.2.1", "SHOP@example.com", "", "issue", (STRANGER, "", UNPROVEN)),
        ("192.0.2.1", "shop", "", "issue", (STRANGER, "", UNPROVEN)),
        ("192.0.2.1", "shop@example.com ", "", "issue", (STRANGER, "", UNPROVEN)),
        ("192.0.2.1", "\u017fhop@example.com", "", "issue", (STRANGER, "", UNPROVEN)),
        ("192.0.2.1", "", "", "issue", (STRANGER, "", UNPROVEN)),
        ("127.0.0.1", "", SECRET, "forum", (ADMITTED, "script", "")),
        ("127.0.0.1", "", "", "forum", (REFUSED, "script", WRONG_KEY)),
        ("127.0.0.1", "", "", "news", (REFUSED, "script", WRONG_KEY)),
        ("127.0.0.1", "", "", "", (REFUSED, "script", WRONG_KEY)),
        ("127.0.0.1", "", SECRET + "x", "forum", (REFUSED, "script", WRONG_KEY)),
        ("127.0.0.1", "", SECRET.upper(), "forum", (REFUSED, "script", WRONG_KEY)),
        ("127.0.0.1", "", digest(SECRET).hex(), "forum", (REFUSED, "script", WRONG_KEY)),
        ("::ffff:127.0.0.1", "", SECRET, "forum", (ADMITTED, "script", "")),
        ("127.0.0.2", "", SECRET, "forum", (STRANGER, "", UNPROVEN)),
        ("", "", SECRET, "forum", (STRANGER, "", UNPROVEN)),
        ("127.0.0.1", "", OTHER, "forum", (REFUSED, "far", FAR_MAY_NOT)),
        ("192.0.2.1", "", OTHER, "news", (ADMITTED, "far", "")),
        ("192.0.2.1", "nobody", OTHER, "news", (ADMITTED, "far", "")),
        ("192.0.2.1", "", "guess", "news", (STRANGER, "", UNPROVEN)),
        ("192.0.2.1", "", "", "news", (STRANGER, "", UNPROVEN)),
        ("127.0.0.1", "shop@example.com", SECRET, "forum", (ADMITTED, "script", "")),
        ("10.1.1.1", "poll", "", "poll", (ADMITTED, "both", "")),
        ("10.1.1.1", "", "", "poll", (STRANGER, "", UNPROVEN)),
        ("192.0.2.1", "poll", "", "poll", (STRANGER, "", UNPROVEN)),
    ],
)
def test_what_is_shown_decides(
    client: str, login: str, key: str, handler: str, found: tuple[Standing, str, str]
) -> None:
    """Octet by octet; each proof that an application has; and for its handlers alone."""
    assert admit(Asker(client, login, key, handler), ALL, ()) == Admission(*found)


@pytest.mark.parametrize(
    "client,login,key,handler,found",
    [
        ("10.0.0.1", "", "", "anything", ADMITTED),
        ("10.0.0.1", "", "", "", ADMITTED),
        ("10.0.0.1", "", "", "issue", REFUSED),  # an application with a secret guards it
        ("10.0.0.1", "", "", "news", REFUSED),
        ("10.0.0.1", "", "guess", "anything", REFUSED),
        ("10.0.0.1", "", OTHER, "anything", REFUSED),  # it is far, and may ask for news alone
        ("10.0.0.1", "", OTHER, "news", ADMITTED),
        ("10.0.0.1", "poll", "", "anything", REFUSED),
        ("192.0.2.1", "", "", "anything", STRANGER),
    ],
)
def test_a_trusted_network_gets_what_no_secret_guards(
    client: str, login: str, key: str, handler: str, found: Standing
) -> None:
    """It needs no proof; but a wrong key is a mistake, and an application is held to its handlers there, too."""
    assert admit(Asker(client, login, key, handler), ALL, (INSIDE,)).standing is found


def test_without_secrets_a_key_is_ignored() -> None:
    """It can be put into the field before the configuration asks for any."""
    assert admit(Asker("192.0.2.1", "shop@example.com", "early", "issue"), (SHOP, BOTH), ()).standing is ADMITTED


@pytest.mark.parametrize(
    "client,login,key,found",
    [
        ("10.0.0.1", "", "", ADMITTED),
        ("10.0.0.1", "", "not asked for yet", ADMITTED),
        ("192.0.2.1", "anybody", "", ADMITTED),
        ("192.0.2.1", "", "", STRANGER),
    ],
)
def test_without_applications_networks_and_logins_count_as_before(
    client: str, login: str, key: str, found: Standing
) -> None:
    """A key can be put into the field before the configuration asks for it."""
    admission = admit(Asker(client, login, key, "issue"), (), (INSIDE,))
    assert admission == Admission(found, "", NO_LOGIN if found is STRANGER else "")


def test_a_secret_that_was_not_read_is_nobodys() -> None:
    """Not the empty one either."""
    unread = Application("a", frozenset({"issue"}), frozenset(), (), "f")
    for key in ("", "x"):
        assert admit(Asker("192.0.2.1", "", key, "issue"), (unread,), ()).standing is STRANGER


def test_an_asker_shows_no_secret() -> None:
    """In a traceback that tells values."""
    shown = repr(Asker("192.0.2.1", "login", SECRET, "issue"))
    assert SECRET not in shown and "login" not in shown and "192.0.2.1" in shown


@pytest.mark.parametrize("name", ["fo%rum", "FORUM", "f\u00f6rum", "a" * 33, SECRET.upper() + "!"])
def test_a_handler_that_can_have_no_such_name_is_not_repeated(name: str) -> None:
    """The refusal goes to the client, and libmilter takes it as a format."""
    admission = admit(Asker("192.0.2.1", "shop@example.com", "", name), ALL, ())
    said = "this application may not ask for that handler: the [[sign.application]] shop names issue"
    assert admission.problem == said


def test_a_stranger_is_told_of_with_who_may_ask() -> None:
    """Each application with its proofs, the trusted networks, and what this client showed; no secret."""
    told = stranger(Asker("192.0.2.1", "SHOP@example.com", OTHER, "issue"), (SHOP, SCRIPT), (INSIDE,))
    assert told == (
        "client 192.0.2.1, logged in as 'SHOP@example.com'; may ask: shop (login shop@example.com); script (from "
        "127.0.0.1/32, and the secret in f); sign.trusted 10.0.0.0/8"
    )
    assert stranger(Asker("", "", SECRET, ""), (), ()) == "client unknown, not logged in; may ask: any login"


def test_a_stranger_is_told_of_in_few_words() -> None:
    """However many applications there are, and however long a login is."""
    many = tuple(Application(f"a{number}", frozenset({"issue"}), frozenset({"x"})) for number in range(500))
    told = stranger(Asker("192.0.2.1", "y" * 100_000, "", ""), many, (INSIDE,) * 500)
    assert len(told) < 500 and "; ...; sign.trusted" in told
