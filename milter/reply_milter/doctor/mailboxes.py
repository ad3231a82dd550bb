"""What ``doctor`` examines of the mailboxes that replies are fetched from."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from reply_milter.adapters.os import file_facts
from reply_milter.adapters.os.as_account import told_as
from reply_milter.adapters.os.host_names import HostNames
from reply_milter.config import Config
from reply_milter.config.imap import ImapSettings
from reply_milter.core.diagnosis import keys, mailbox
from reply_milter.core.diagnosis.files import Account
from reply_milter.core.diagnosis.problem import Problem, error
from reply_milter.core.fetching.account import PasswordFile, TokenEndpoint
from reply_milter.wiring.mailboxes import library_problem, survey


def examine_mailboxes(config: Config, account: Account | None) -> Iterator[Problem]:
    """Open each mailbox as the daemon's user, look at its server's capabilities and folders, and change nothing."""
    missing = library_problem(config)
    if missing:
        yield error("imap.library", missing, "the daemon can't start, or keeps its old settings")
        return
    for one in config.imap:
        yield from _secret_files(one, account)
        yield from mailbox.examine(
            mailbox.MailboxFacts(
                name=one.name,
                deletes=one.delete_message,
                wants_idle=one.account.idle,
                by_to=not one.recipient_field,
                authserv_id=one.authserv_id,
                survey=_surveyed(one, account),
            )
        )


def _surveyed(one: ImapSettings, account: Account | None) -> mailbox.Survey:
    told = told_as(account, lambda: json.dumps(asdict(survey(one, HostNames()))))
    if not told.startswith("{"):
        return mailbox.Survey(unavailable=told)
    found = json.loads(told)
    return mailbox.Survey(**{**found, "missing": tuple(found["missing"])})


def _secret_files(one: ImapSettings, account: Account | None) -> Iterator[Problem]:
    secret = one.account.secret
    paths = [secret.path] if isinstance(secret, PasswordFile) else []
    if isinstance(secret, TokenEndpoint):
        paths = [path for path in (secret.client_secret_file, secret.refresh_token_file) if path]
    for path in paths:
        facts, above = file_facts.facts(path), file_facts.parents(path)
        file = keys.KeyFile(facts, above, shared=True, allows="logging in to the mailbox", stops=False)
        yield from keys.examine_file(file, account)
