"""Mailboxes to fetch from, made of their settings. IMAPClient is optional, so nothing imports it before."""

from collections.abc import Callable
from functools import partial

from reply_milter.config import Config
from reply_milter.config.imap import ImapSettings
from reply_milter.core.fetching.account import PasswordCommand, PasswordFile, SecretSource
from reply_milter.libraries import IMAPCLIENT, problem_apart
from reply_milter.ports.delivery import Names
from reply_milter.ports.mailbox import Mailbox


def open_mailbox(settings: ImapSettings, names: Names) -> Mailbox:
    """Make the mailbox of one ``[[imap]]`` table; it is not opened yet. ``library_problem`` must be empty."""
    from reply_milter.adapters.imap.mailbox import ImapMailbox

    account = settings.account
    return ImapMailbox(account, _secret(account.secret), names, settings.poll_seconds)


def library_problem(config: Config) -> str:
    """What keeps this installation from fetching, as ``key: reason``; empty if nothing, or if nothing is to fetch."""
    problem = problem_apart(IMAPCLIENT) if config.imap else ""
    return f"imap: {problem}; install reply-milter[imap]" if problem else ""


def _secret(source: SecretSource) -> Callable[[], str]:
    from reply_milter.adapters.imap import secrets, token_endpoint

    if isinstance(source, PasswordFile):
        return partial(secrets.of_file, source.path)
    if isinstance(source, PasswordCommand):
        return partial(secrets.of_command, source.argv)
    return token_endpoint.TokenSource(source).token
