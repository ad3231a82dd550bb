"""A mail host in front of a real application: notifications leave through the sign milter, answers come by the hook.

As docs/applications says: the application submits with a login of its own, and the MTA routes its mailbox to the hook.
"""

import re
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from email.utils import parseaddr
from pathlib import Path

from reply_milter.cli.demo.private_postfix import Layout
from tests.support.hosts import logins
from tests.support.hosts.site_under_test import Arrived, Site
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port

PASSWORD = "not a secret"  # noqa: S105 # of tests alone
_NOTICE_SECONDS, _HOOK_SECONDS = 60.0, 60.0  # of applications that start a program for each message
_PATIENCE = "minimal_backoff_time = 1s\nmaximal_backoff_time = 2s\nqueue_run_delay = 1s\n"
_SERVICE = """
127.0.0.1:{port} inet n - y - - smtpd
  -o syslog_name=postfix/submission
  -o smtpd_sasl_auth_enable=yes
  -o local_header_rewrite_clients=permit_sasl_authenticated
  -o smtpd_milters=$reply_milter,$reply_sign_milter
  -o cleanup_service_name=cleanup-sign
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=permit_sasl_authenticated,reject
"""
_SETTINGS = """
[[sign.application]]
name = "{name}"
handlers = ["{name}"]
logins = ["{name}@example.com"]

[delivery]
listen = "unix:{sockets}/lmtp.sock"

[metrics]
"""


@dataclass(frozen=True, slots=True)
class Wrapping:
    """How an application is wrapped. ``name``: of its handler, and of its login; ``handler``: TOML, its tables.

    ``domain``: of its addresses; ``direct``: the next hop of mail there that is not for the hook, empty for none.
    """

    name: str
    handler: str
    domain: str
    direct: str = ""


class ApplicationSite:
    """``site`` with sign mode, verify mode and the hook. The application submits at 127.0.0.1 ``submission``."""

    def __init__(self) -> None:
        self.submission = free_port()
        self._wrapping: Wrapping | None = None
        self._site: Site | None = None

    @property
    def site(self) -> Site:
        """The host, once it is there."""
        assert self._site is not None
        return self._site

    def start(self, wrapping: Wrapping) -> "ApplicationSite":
        """Start everything."""
        self._wrapping = wrapping
        self._site = Site(layout=self._layout())
        folder = self.site.postfix.folder
        main = folder / "etc/main.cf"
        main.write_text(main.read_text().replace("{folder}", str(folder)))
        # In place: with a line twice, every daemon warns, and postlogd waits for itself once its own queue is full.
        subprocess.run(["postconf", "-c", folder / "etc", "-e", *_main_cf(wrapping)], check=True)
        logins.write_logins(folder, [wrapping.name], PASSWORD)
        self.site.configure_text(lambda text: self._configured(text, wrapping))
        self.site.start()
        return self

    def stop(self) -> None:
        """End everything."""
        if self._site is not None:
            self._site.stop()

    def _layout(self) -> Layout:
        return Layout(
            main_cf=(
                "reply-domain.main.cf", "shared-smtpd.main.cf", "reply-hook.main.cf", "submission.main.cf",
                "reply-application.main.cf",
            ),
            master_cf=("reply-hook.master.cf", "submission.master.cf"),
            more=_PATIENCE + logins.MAIN_CF,
            more_services=_SERVICE.format(port=self.submission),
            submission_port=free_port(),
        )  # fmt: skip

    def _configured(self, text: str, wrapping: Wrapping) -> str:
        sockets = self.site.mta.socket_folder
        sign = f'[sign]\nsocket = "unix:{sockets}/sign.sock"\n\n[store]'
        tables = _SETTINGS.format(name=wrapping.name, sockets=sockets)
        return text.replace("[store]", sign, 1).replace("\n[metrics]\n", tables, 1) + wrapping.handler

    def notification(self, recipient: str, count: int) -> Arrived:
        """The last of ``count`` notifications to a person of this host, as the person got it."""
        return self.notifications(recipient, count)[-1]

    def notifications(self, recipient: str, count: int) -> list[Arrived]:
        """All that a person got, after ``count`` came."""
        wait_until(
            lambda: len(self.site.matching("To", recipient, "people")) >= count,
            _NOTICE_SECONDS,
            f"{count} notifications to {recipient}: {self.site.daemon.log()[-1500:]}",
        )
        return self.site.matching("To", recipient, "people")

    def handed_over(self) -> None:
        """Wait until the MTA has nothing left, and the hook has everything."""
        wait_until(
            lambda: not self.site.mta.queue(), _HOOK_SECONDS, f"an empty queue: {self.site.daemon.log()[-2000:]}"
        )


def _main_cf(wrapping: Wrapping) -> Iterator[str]:
    """What an operator changes in the fragments of contrib/postfix."""
    yield f"reply_application_domains={wrapping.domain}"
    yield f"reply_application_mailbox={_mailbox(wrapping.name)}"
    if wrapping.direct:
        known = f"inline:{{ {{ reply@$reply_domain = replies }} {{ @{wrapping.domain} = application }} }}"
        hook = "{ $reply_domain = reply-delivery:$reply_nexthop }"
        routes = f"inline:{{ {hook} {{ {wrapping.domain} = {wrapping.direct} }} }}"
        yield f"relay_recipient_maps={known}"
        yield f"transport_maps=$reply_application_mailboxes $reply_handler_queues {routes}"


def page(name: str) -> str:
    """What docs/applications says of an application."""
    return (Path(__file__).parents[3] / f"docs/applications/{name}.md").read_text()


def _mailbox(name: str) -> str:
    """Which addresses go to the hook, as the page has it."""
    (mailbox,) = re.findall(r"(?m)^ {4}reply_application_mailbox = (.*)$", page(name))
    return str(mailbox)


def address_in(notification: Arrived) -> str:
    """The address that answers to a notification go to."""
    return parseaddr(notification.values("Reply-To")[0])[1]


def text_of(notification: Arrived) -> str:
    """What it says, for a message of one part."""
    message = Message()
    message["Content-Transfer-Encoding"] = "".join(notification.values("Content-Transfer-Encoding"))
    message.set_payload(notification.body)
    decoded = message.get_payload(decode=True)
    assert isinstance(decoded, bytes)
    return decoded.decode()


def answer(notification: Arrived, author: str, text: str, **changes: str | None) -> bytes:
    """A reply as a mail program writes it. ``changes``: fields with ``_`` for ``-``, None for one that is left out."""
    ids = [*"".join(notification.values("References")).split(), *notification.values("Message-ID")]
    fields: dict[str, str | None] = {
        "From": author,
        "To": notification.values("Reply-To")[0],
        "Subject": f"Re: {notification.values('Subject')[0]}",
        "Message-ID": f"<{uuid.uuid4()}@client.example>",
        "Date": "Sat, 21 Nov 2026 12:00:00 +0000",
        "In-Reply-To": notification.values("Message-ID")[0],
        "References": " ".join(dict.fromkeys(ids)),
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([*lines, "", text, ""]).encode()
