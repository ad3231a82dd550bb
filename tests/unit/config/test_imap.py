"""``[[imap]]``: what a good table says. Mistakes are in tests/bad_configs."""

import pytest

from reply_milter.config import Config, parse
from reply_milter.config.imap import ImapSettings
from reply_milter.core.fetching.account import (
    Account,
    Grant,
    ImapAuth,
    PasswordCommand,
    PasswordFile,
    TokenEndpoint,
)
from reply_milter.core.verdict.destination import Tls

_LEAST = """
realm = "example"
[address]
mint_domain = "reply.example.com"
[keys]
file = "keys.toml"
seal_file = "seal.key"
[verify]
{verify}
[delivery]
[[handler]]
id = 1
name = "issue"
"""
_MAILBOX = """
[[imap]]
name = "gmail"
user = "inbound@example.com"
"""
_PASSWORD = 'password_file = "/etc/reply-milter/imap.password"\n'  # noqa: S105


def read(keys: str, verify: str = "") -> ImapSettings:
    """The one mailbox of a configuration, with ``keys``."""
    (found,) = config_of(keys, verify).imap
    return found


def config_of(keys: str, verify: str = "") -> Config:
    """A configuration with one mailbox."""
    return parse(_LEAST.format(verify=verify) + _MAILBOX + keys)


def test_the_least_table_and_its_defaults() -> None:
    """Deleted when it is taken, from INBOX, by the field that Gmail writes."""
    assert read('url = "imaps://imap.gmail.com"\n' + _PASSWORD) == ImapSettings(
        name="gmail",
        account=Account(
            host="imap.gmail.com",
            port=993,
            tls=Tls.IMPLICIT,
            user="inbound@example.com",
            auth=ImapAuth.LOGIN,
            secret=PasswordFile("/etc/reply-milter/imap.password"),
            mailbox="INBOX",
            processed="Replies/Processed",
            idle=True,
        ),
        recipient_field="delivered-to",
        authserv_id="",
        delete_message=True,
        rejected="Replies/Rejected",
        poll_seconds=60,
        max_message_bytes=26214400,
    )


@pytest.mark.parametrize(
    "url,tls,host,port",
    [
        ("imaps://imap.gmail.com", Tls.IMPLICIT, "imap.gmail.com", 993),
        ("imaps://imap.gmail.com:9993/", Tls.IMPLICIT, "imap.gmail.com", 9993),
        ("imap+starttls://mail.example.com", Tls.STARTTLS, "mail.example.com", 143),
        ("imaps://[2001:db8::1]:994", Tls.IMPLICIT, "2001:db8::1", 994),
        ("imap://127.0.0.1:1143", Tls.NONE, "127.0.0.1", 1143),
        ("imap://[::1]", Tls.NONE, "::1", 143),
        ("imap://localhost", Tls.NONE, "localhost", 143),
    ],
)
def test_url_says_how_and_where(url: str, tls: Tls, host: str, port: int) -> None:
    """In the clear on this host only."""
    account = read(f'url = "{url}"\n' + _PASSWORD).account
    assert (account.tls, account.host, account.port) == (tls, host, port)


@pytest.mark.parametrize(
    "word,field",
    [
        ("delivered-to", "delivered-to"), ("gmail", "delivered-to"), ("dovecot", "delivered-to"),
        ("fastmail", "x-delivered-to"), ("postfix", "x-original-to"), ("exim", "envelope-to"), ("to", ""),
    ],
)  # fmt: skip
def test_recipient_is_a_field_or_who_writes_it(word: str, field: str) -> None:
    """``to``: no field of a server's, but To and Cc."""
    assert read(f'url = "imaps://h"\nrecipient = "{word}"\n' + _PASSWORD).recipient_field == field


def test_authserv_id_is_the_general_one_unless_it_has_its_own() -> None:
    """A provider has another name than our own MTA."""
    general = 'authserv_id = "mx.example.com"'
    assert read('url = "imaps://h"\n' + _PASSWORD, general).authserv_id == "mx.example.com"
    own = 'url = "imaps://h"\nauthserv_id = "mx.google.com"\n' + _PASSWORD
    assert read(own, general).authserv_id == "mx.google.com"
    assert config_of(own, general).verify.authserv_id == "mx.example.com"


def test_secrets_come_from_a_program_or_an_oauth_server() -> None:
    """The account's text shows none of them."""
    program = read('url = "imaps://h"\npassword_command = ["/usr/bin/token", "--now"]\n').account
    assert program.secret == PasswordCommand(("/usr/bin/token", "--now"))
    server = read(
        'url = "imaps://h"\nauth = "xoauth2"\n[imap.oauth2]\ngrant = "client_credentials"\n'
        'token_url = "https://login.example.com/token"\nclient_id = "id"\nclient_secret_file = "/etc/secret"\n'
        'scope = "https://outlook.office365.com/.default"\n'
    ).account
    assert server.secret == TokenEndpoint(
        url="https://login.example.com/token",
        client_id="id",
        client_secret_file="/etc/secret",  # noqa: S106
        refresh_token_file="",
        scope="https://outlook.office365.com/.default",
        grant=Grant.CLIENT_CREDENTIALS,
    )
    assert "/usr/bin/token" not in repr(program)


def test_a_host_may_only_fetch() -> None:
    """Without an MX of its own there is no milter; the store is needed for claims."""
    config = config_of('url = "imaps://h"\n' + _PASSWORD, 'socket = ""')
    assert config.verify.place is None and config.uses_store
