"""What ``doctor --postfix`` examines: a Postfix configuration, and the Postfix that runs with it."""

from collections.abc import Iterator

from reply_milter.adapters.os import file_facts
from reply_milter.adapters.postfix import postconf
from reply_milter.config import Config
from reply_milter.core.diagnosis.postfix import rules
from reply_milter.core.diagnosis.postfix.lookup_keys import lookup_keys
from reply_milter.core.diagnosis.postfix.site import Ours, Site, WrappedMailbox
from reply_milter.core.diagnosis.problem import Problem
from reply_milter.core.diagnosis.sockets import Client
from reply_milter.core.verdict import policy
from reply_milter.core.verdict.answer import Action
from reply_milter.core.verdict.handler import Handler
from reply_milter.core.verdict.reasons import Reason
from reply_milter.core.wrapping.samples import delimiters, mailbox_names, sample_addresses
from reply_milter.doctor.installation import endpoint

_USER = "postfix"


def site(folder: str) -> Site:
    """Read the configuration in ``folder``.

    Raises:
        PostconfError: it cannot be read.
    """
    return postconf.read(folder)


def client(found: Site | None) -> Client | None:
    """Return Postfix's user and chroot, from ``found`` or as on Debian; None if there is no Postfix."""
    account = file_facts.account(found.get("mail_owner") if found else _USER)
    if account is None:
        return None
    chrooted = found is not None and any(service.chroot for service in found.smtpd_services())
    return Client(account, found.get("queue_directory") if found and chrooted else "")


def _wants_proof(handler: Handler) -> bool:
    return handler.policy.action(policy.Finding.of(Reason.AUTH_NONE)) is not Action.ACCEPT


def _mailbox(handler: Handler) -> Iterator[WrappedMailbox]:
    wrap = handler.wrap
    if wrap is not None:
        names = mailbox_names(wrap.address)
        yield WrappedMailbox(handler.name, wrap.address.domain, sample_addresses(wrap), names, delimiters(wrap.address))


def examine(found: Site, config: Config) -> Iterator[Problem]:
    """Apply all rules about Postfix, after looking its tables up."""
    hook = config.delivery
    ours = Ours(
        verify=endpoint(config.verify.place) if config.verify.place else None,
        sign=endpoint(config.sign.place) if config.sign.place else None,
        form=config.form,
        timeout_ms=config.store.timeout_ms,
        max_message_bytes=config.verify.max_message_bytes,
        hook=not config.replay.commit_on_accept,
        believes_addresses=bool(config.verify.peers or config.sign.trusted or config.sign.applications),
        authserv_id=config.verify.authserv_id,
        hook_place=endpoint(hook.place) if hook is not None and hook.place.socket else None,
        wrapped=[mailbox for handler in config.handlers.wrapped for mailbox in _mailbox(handler)],
        want_proof=[handler.name for handler in config.handlers.by_id.values() if _wants_proof(handler)],
        accept_early=config.verify.accept_early,
    )
    yield from rules.examine(postconf.ask(found, lookup_keys(found, ours)), ours)
