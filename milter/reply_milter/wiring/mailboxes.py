"""Mailboxes to fetch from, made of their settings. IMAPClient is optional, so nothing imports it before."""

from collections.abc import Callable
from functools import partial

from reply_milter.config import Config
from reply_milter.config.imap import ImapSettings
from reply_milter.core.diagnosis.mailbox import Survey
from reply_milter.core.fetching.account import PasswordCommand, PasswordFile, SecretSource
from reply_milter.libraries import IMAPCLIENT, problem_apart
from reply_milter.ports.delivery import Names
from reply_milter.ports.mailbox import Mailbox, MailboxRefusedError, MailboxUnavailableError


def open_mailbox(settings: ImapSettings, names: Names) -> Mailbox:
    """Make the mailbox of one ``[[imap]]`` table; it is not opened yet. ``library_problem`` must be empty."""
    from reply_milter.adapters.imap.mailbox import ImapMailbox

    account = settings.account
    return ImapMailbox(account, _secret(account.secret), names, settings.poll_seconds)


def survey(settings: ImapSettings, names: Names) -> Survey:
    """Open a mailbox, look at what its server offers and at its folders, and close it. Changes nothing."""
    from reply_milter.adapters.imap.mailbox import ImapMailbox

    account = settings.account
    box = ImapMailbox(account, _secret(account.secret), names, settings.poll_seconds)
    folders = (settings.rejected,) if settings.delete_message else (account.processed, settings.rejected)
    try:
        offered = box.open().capabilities
        missing = tuple(folder for folder in folders if not box.has_folder(folder))
    except MailboxRefusedError as error:
        return Survey(refused=str(error))
    except MailboxUnavailableError as error:
        return Survey(unavailable=str(error))
    finally:
        box.close()
    return Survey(
        move=offered.move, uidplus=offered.uidplus, idle=offered.idle, keywords=offered.keywords, missing=missing
    )


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
