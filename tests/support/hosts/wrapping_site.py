"""A mail host in front of applications that know nothing of us: their notifications leave wrapped, replies come back.

``world`` is where notifications leave to, by SMTP; ``applications`` is what the hook hands over to, by LMTP.
"""

from collections.abc import Sequence
from dataclasses import replace

from reply_milter.cli.demo.private_postfix import Layout
from tests.support.hosts.mail_sink import MailSink
from tests.support.hosts.submission_site import SubmissionSite

DOMAINS = {
    "gitea": "git.example.com", "forgejo": "forge.example.com", "gitlab": "gitlab.example.com",
    "discourse": "discourse.example.com", "moodle": "moodle.example.com", "zulip": "zulip.example.com",
    "chatwoot": "chat.example.com", "mailman": "lists.example.com", "redmine": "redmine.example.com",
    "roundup": "tracker.example.com",
}  # fmt: skip
ADDRESSES = {
    "gitea": "incoming+{key}@git.example.com",
    "forgejo": "incoming+{key}@forge.example.com",
    "gitlab": "incoming+{key}@gitlab.example.com",
    "discourse": "reply+{key}@discourse.example.com",
    "moodle": "incoming+{key}@moodle.example.com",
    "zulip": "{key}@zulip.example.com",
    "chatwoot": "reply+{key}@chat.example.com",
    "mailman": "{any}-confirm+{key}@lists.example.com",
    "redmine": "redmine@redmine.example.com",
    "roundup": "issue_tracker@tracker.example.com",
}
SENDERS = {
    "gitea": "noreply@git.example.com", "forgejo": "noreply@forge.example.com", "gitlab": "gitlab@gitlab.example.com",
    "discourse": "talk@discourse.example.com", "moodle": "noreply@moodle.example.com",
    "zulip": "noreply@zulip.example.com", "chatwoot": "inbox@chat.example.com",
    "mailman": "dev-bounces@lists.example.com", "redmine": "redmine@redmine.example.com",
    "roundup": "roundup-admin@tracker.example.com",
}  # fmt: skip
IDS = {name: number for number, name in enumerate(DOMAINS, 20)}
_MORE = {
    "gitea": 'open = ["incoming+*-issue@git.example.com"]\ncopies = ["journal@example.com"]\n',
    "discourse": 'open = ["category-*@discourse.example.com"]\n',
}
_HANDLER = """
[[handler]]
id = {id}
name = "{name}"
context = "wrapped"
{keys}[handler.wrap]
application = "{name}"
address = "{address}"
from = ["{sender}"]
{more}[handler.delivery]
{destination}
"""
_LOGIN = """
[[sign.application]]
name = "all"
handlers = [{handlers}]
logins = ["shop@example.com"]
"""
_MAIN = """
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
applications = {domains}
relay_domains = $reply_domain, $applications
relay_recipient_maps = inline:{{ {{ reply@$reply_domain = replies }} {mailboxes} }}
transport_maps = $reply_handler_queues inline:{{
    {{ $reply_domain = reply-delivery:$reply_nexthop }} {{ client.example = smtp:[127.0.0.1]:{world} }}
    {applications} }}
"""


class WrappingSite(SubmissionSite):
    """``destination``: of each handler, else LMTP to ``applications``; ``wraps`` the presets of these names.

    Every application submits with the login ``shop``. ``keys``: lines of each handler; ``delivery``: of that table.
    """

    def __init__(
        self, destination: str = "", wraps: Sequence[str] = tuple(DOMAINS), keys: str = "", delivery: str = ""
    ) -> None:
        self.world, self.applications = MailSink(), MailSink()
        names = ", ".join(f'"{name}"' for name in (*wraps, "issue"))
        super().__init__(_LOGIN.format(handlers=names))
        goes_to = destination or f'type = "lmtp"\naddress = "inet:{self.applications.port}@127.0.0.1"'
        handlers = "".join(
            _HANDLER.format(
                id=IDS[name], name=name, keys=keys, address=ADDRESSES[name], sender=SENDERS[name],
                more=_MORE.get(name, ""), destination=goes_to,
            )
            for name in wraps
        )  # fmt: skip
        listen = f'[delivery]\nlisten = "unix:{self.site.mta.socket_folder}/lmtp.sock"\n{delivery}[metrics]'
        self.site.configure_text(lambda text: text.replace("[metrics]", listen) + handlers)

    def _layout(self, scanner: int) -> Layout:
        layout = super()._layout(scanner)
        maps = " ".join(f"{{ {domain} = reply-delivery:$reply_nexthop }}" for domain in DOMAINS.values())
        more = _MAIN.format(
            domains=", ".join(DOMAINS.values()),
            mailboxes=" ".join(f"{{ @{domain} = replies }}" for domain in DOMAINS.values()),
            world=self.world.port,
            applications=maps,
        )
        return replace(
            layout,
            main_cf=("reply-domain.main.cf", "shared-smtpd.main.cf", "reply-hook.main.cf", "submission.main.cf"),
            master_cf=("reply-hook.master.cf", "submission.master.cf"),
            more=layout.more + more,
        )

    def stop(self) -> None:
        """End everything."""
        super().stop()
        self.world.close()
        self.applications.close()
