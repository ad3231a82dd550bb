"""A client that keeps its transaction open after RCPT: revoked addresses are not posted. And one that guesses."""

import os
import smtplib
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from reply_milter.core.token.mint import MintedAddress
from reply_milter.flows.verifying.claiming import WRONG_AUTHORS
from tests.support.hosts.site_under_test import Site, reply

pytestmark = pytest.mark.system

INVALID = "550 5.7.1 This reply address is not valid"


def _command(site: Site, *words: str) -> None:
    environment = {**os.environ, "REPLY_MILTER_CONFIG": str(site.config)}
    done = subprocess.run([sys.executable, "-m", "reply_milter", *words], capture_output=True, env=environment, cwd="/")
    assert done.returncode == 0, (words, done.stderr.decode())


def _opened(site: Site, minted: MintedAddress) -> smtplib.SMTP:
    client = site.client()
    client.docmd("MAIL FROM:<alice@client.example>")
    code, text = client.docmd(f"RCPT TO:<{minted.address}>")
    assert code == 250, text
    return client


def _heard(client: smtplib.SMTP, message: bytes) -> str:
    with client:
        code, text = client.data(message)
    return f"{code} {text.decode()}"


def _user_before(site: Site, _: MintedAddress) -> None:
    _command(site, "revoke", "user", "901")


def _object(site: Site, _: MintedAddress) -> None:
    _command(site, "revoke", "object", "forum", "77")


def _token(site: Site, minted: MintedAddress) -> None:
    _command(site, "revoke", "token", minted.address)


def _before(site: Site, _: MintedAddress) -> None:
    _command(site, "revoke", "before", str(int(time.time()) - 60))


def _disabled(site: Site, _: MintedAddress) -> None:
    _command(site, "user", "set", "901", "--disabled")


def _retired(site: Site, _: MintedAddress) -> None:
    _command(site, "keys", "add")
    _command(site, "keys", "promote", "k2")
    keys = site.config.parent / "keys.toml"  # as ``keys retire`` does, whatever it would first have us wait for
    text = keys.read_text()
    assert text.count('"verify"') == 1
    keys.write_text(text.replace('"verify"', '"retired"'))
    site.daemon.reload()


def _handler_off(site: Site, _: MintedAddress) -> None:
    site.configure({'name = "forum"\n': 'name = "forum"\nenabled = false\n'})
    site.daemon.reload()


def _expired(site: Site, _: MintedAddress) -> None:
    site.configure({"validity_days = 30": "validity_days = 1"})
    site.daemon.reload()


WAYS: dict[str, tuple[Callable[[Site, MintedAddress], None], str]] = {
    "revoke user": (_user_before, INVALID),
    "revoke object": (_object, INVALID),
    "revoke token": (_token, INVALID),
    "revoke before": (_before, INVALID),
    "user --disabled": (_disabled, INVALID),
    "keys retire": (_retired, INVALID),
    "a handler switched off": (_handler_off, INVALID),
    "a shorter validity": (_expired, "550 5.7.1 This reply address expired on "),
}


@pytest.mark.parametrize("take_away,words", WAYS.values(), ids=WAYS)
def test_what_is_taken_away_reaches_an_open_transaction(
    fresh: Site, take_away: Callable[[Site, MintedAddress], None], words: str
) -> None:
    """Five clients, in the midst of their message: five are refused, and nothing arrives. A bystander's reply does."""
    minted = fresh.mint(handler="forum", user=901, days_ago=2, context=77, recipient="alice@client.example")
    clients = [_opened(fresh, minted) for _ in range(5)]
    take_away(fresh, minted)
    heard = [_heard(client, reply(minted, f"held-{number}")) for number, client in enumerate(clients)]
    assert all(answer.startswith(words) for answer in heard), heard
    other = fresh.mint(user=902, locator="bystander/1", recipient="alice@client.example")
    assert fresh.send([f"<{other.address}>"], reply(other, "bystander")).startswith("250")
    fresh.arrived("X-Seq", "bystander", 1)
    assert [found.values("X-Seq") for found in fresh.all_replies() if found.values("X-Seq") != ["bystander"]] == []


def test_a_bound_author_is_not_found_by_trying(fresh: Site) -> None:
    """Twenty tries, on several connections; then the right author gets the same refusal, which names another way."""
    minted = fresh.mint(user=903, locator="guess/1", recipient="alice@client.example")
    heard = [
        fresh.send([f"<{minted.address}>"], reply(minted, f"try-{number}").replace(b"alice@", b"m%d@" % number))
        for number in range(WRONG_AUTHORS + 3)
    ]
    leaked = "550 5.7.1 Too many senders used this reply address; answer the latest notification instead"
    assert [answer.startswith("550 5.7.1 Reply from the address") for answer in heard] == [True] * 20 + [False] * 3
    assert {answer.partition(" (")[0].strip() for answer in heard[20:]} == {leaked}
    assert fresh.send([f"<{minted.address}>"], reply(minted, "right")).startswith(leaked)
    assert fresh.daemon.log().count("because=wrong_authors") == 1 + 3 + 1
    latest = fresh.mint(user=903, locator="guess/1", recipient="alice@client.example")
    assert fresh.send([f"<{latest.address}>"], reply(latest, "latest")).startswith("250")
    _command(fresh, "user", "set", "903", "--address", "alice@client.example")
    assert fresh.send([f"<{minted.address}>"], reply(minted, "filed")).startswith("250"), "an exact address on file"
