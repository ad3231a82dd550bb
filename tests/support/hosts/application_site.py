"""A mail host in front of a real application: its notifications leave through the sign milter, answers come by the hook.

As docs/applications says: the application submits with a login of its own, and the MTA routes its mailbox to the hook.
"""

import uuid
from dataclasses import dataclass
from email.message import Message
from email.utils import parseaddr

from reply_milter.cli.demo.private_postfix import Layout
from tests.support.hosts import logins
from tests.support.hosts.site_under_test import Arrived, Site
from tests.support.processes.daemon_process import wait_until
from tests.support.processes.ports import free_port

PASSWORD = "not a secret"  # noqa: S105 # of tests alone
_MAIN = """
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
relay_domains = $reply_domain {domain}
relay_recipient_maps = inline:{{ {{ reply@$reply_domain = replies }} {{ @{domain} = application }} }}
transport_maps = $reply_handler_queues inline:{{ {{ $reply_domain = reply-delivery:$reply_nexthop }} }}
    regexp:{{ {routes} }}
"""
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
TO_THE_HOOK = "reply-delivery:$reply_nexthop"


@dataclass(frozen=True, slots=True)
class Wrapping:
    """How an application is wrapped. ``name``: of its handler, and of its login.

    ``handler``: TOML, the handler's tables. ``domain``: of its addresses; ``routes``: regular expressions of them with
    Postfix's next hop, the first that matches counts.
    """

    name: str
    handler: str
    domain: str
    routes: tuple[tuple[str, str], ...]


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
        self._site = Site(layout=self._layout(wrapping))
        folder = self.site.postfix.folder
        main = folder / "etc/main.cf"
        main.write_text(main.read_text().replace("{folder}", str(folder)))
        logins.write_logins(folder, [wrapping.name], PASSWORD)
        self.site.configure_text(lambda text: self._configured(text, wrapping))
        self.site.start()
        return self

    def stop(self) -> None:
        """End everything."""
        if self._site is not None:
            self._site.stop()

    def _layout(self, wrapping: Wrapping) -> Layout:
        routes = " ".join(f"{{ {expression} {next_hop} }}" for expression, next_hop in wrapping.routes)
        return Layout(
            main_cf=("reply-domain.main.cf", "shared-smtpd.main.cf", "reply-hook.main.cf", "submission.main.cf"),
            master_cf=("reply-hook.master.cf", "submission.master.cf"),
            more=_MAIN.format(domain=wrapping.domain, routes=routes) + logins.MAIN_CF,
            more_services=_SERVICE.format(port=self.submission),
            submission_port=free_port(),
        )

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
        self.site.arrived("To", recipient, count, "people")
        return self.site.matching("To", recipient, "people")

    def handed_over(self, seconds: float = 30) -> None:
        """Wait until the MTA has nothing left, that the hook has everything."""
        wait_until(lambda: not self.site.mta.queue(), seconds, f"an empty queue: {self.site.daemon.log()[-2000:]}")


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
