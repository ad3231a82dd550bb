"""What is known of each application: where its addresses and keys stand in a notification, and what it needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class ThreadFrom(Enum):
    """Where a notification names its thread, for an application with one address for everybody."""

    NOTHING = "nothing"
    MESSAGE_ID = "Message-ID"
    IN_REPLY_TO = "In-Reply-To, or Message-ID where there is none"


@dataclass(frozen=True, slots=True)
class Preset:
    """One application. ``key``: the forms of its keys, a blank between; empty for an address without one.

    ``address``: as it usually looks. ``case_matters``: of the local part; else a key in another case gives access, too.
    ``from_has_key``: From is the native address, key included. ``drop_references``: ids of References and In-Reply-To
    that hold the key go. ``remove``: fields that hold it and go whole. ``keeps_key_in``: fields that hold it and stay,
    because they are the message's identity. ``thread``, ``tag``: what names the thread where the address has no key:
    an id, and the expression of the Subject's tag, empty for none. ``bounces``: addresses of its mailbox for delivery
    reports, ``{prefix}`` for what stands before the key. ``destination``: the type that suits how it takes mail.
    ``leaks``: where keys stay readable. ``settings``: of its own, which the operator must look at.
    """

    name: str
    key: str = ""
    from_has_key: bool = False
    drop_references: bool = False
    remove: tuple[str, ...] = ()
    thread: ThreadFrom = ThreadFrom.NOTHING
    tag: str = ""
    address: str = ""
    case_matters: bool = False
    keeps_key_in: tuple[str, ...] = ()
    bounces: tuple[str, ...] = ()
    destination: str = "lmtp"
    leaks: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


_GITEA_SETTINGS = (
    "[email.incoming] ENABLED = true, and REPLY_TO_ADDRESS with %{token} where `address` has {key}",
    "[email.incoming] polls a mailbox over IMAP: nothing but the hook may deliver there",
    "[email.incoming] MAXIMUM_MESSAGE_SIZE: larger mail is never looked at; no less than verify.max_message_bytes",
    "[mailer] SMTP_ADDR: our submission service, with a login that [[sign.application]] names",
)
_GITEA_LEAKS = ("An older copy of a notification, sent before wrapping, holds its key for a year.",)

_ALL = (
    Preset(
        name="gitea",
        address="incoming+{key}@git.example.com",
        key="[A-Z2-7]{60,128}",
        drop_references=True,
        leaks=_GITEA_LEAKS,
        settings=_GITEA_SETTINGS,
    ),
    Preset(
        name="forgejo",
        address="incoming+{key}@git.example.com",
        key="[A-Z2-7]{60,128}",
        drop_references=True,
        leaks=_GITEA_LEAKS,
        settings=_GITEA_SETTINGS,
    ),
    Preset(
        name="gitlab",
        address="incoming+{key}@gitlab.example.com",
        key="[0-9a-f]{32} [0-9a-z]{1,4}-[0-9a-z]{25} [0-9a-z]{1,4}-[0-9a-z]{25}-[0-9a-z]{1,13}",
        drop_references=True,
        remove=("X-GitLab-Reply-Key", "List-Unsubscribe", "List-Unsubscribe-Post"),
        leaks=(
            "The unsubscribe link in the footer of each notification holds the key, in text and HTML.",
            "A user's address for new issues ends with a key that never expires. Name such addresses in `open`:"
            " incoming+*-*-*-issue@DOMAIN, and incoming+*-*-issue-@DOMAIN for service desks.",
        ),
        settings=(
            "incoming_email.address with %{key} where `address` has {key}",
            "mail_room polls a mailbox over IMAP: nothing but the hook may deliver there",
            "S/MIME signing covers the body only, and stays valid; a DKIM signer must come behind the sign socket",
        ),
    ),
    Preset(
        name="discourse",
        address="reply+{key}@discourse.example.com",
        key="[0-9a-f]{32}",
        bounces=("{prefix}verp-*",),
        leaks=("email_custom_headers may hold %{reply_key}: remove it there.",),
        settings=(
            "reply_by_email_address with %{reply_key} where `address` has {key}",
            "alternative_reply_by_email_addresses: empty, or every one of them is a handler's `address`",
            "find_related_post_with_key = true, else replies need no key at all",
            "email_in and the addresses of categories and groups: name them in `open`, or keep them in another mailbox",
        ),
    ),
    Preset(
        name="moodle",
        address="incoming+{key}@moodle.example.com",
        key="[A-Za-z0-9+/]{48}",
        case_matters=True,
        leaks=("A Message-ID is made of the numbers of a post and a user: anybody can compute it.",),
        settings=(
            "messageinbound_mailbox and messageinbound_domain make the address: MAILBOX+{key}@DOMAIN",
            "the cron job polls INBOX over IMAP: nothing but the hook may deliver there",
            "validateaddress of each handler may stay on: From is what was judged",
        ),
    ),
    Preset(
        name="zulip",
        address="{key}@zulip.example.com",
        key="mm[0-9a-f]{32}",
        destination="smtp",
        leaks=("Addresses of channels hold keys that never expire: name them in `open`, or keep them private.",),
        settings=(
            "EMAIL_GATEWAY_PATTERN with %s where `address` has {key}",
            "the e-mail gateway gets its mail from the hook, and from nobody else",
        ),
    ),
    Preset(
        name="chatwoot",
        address="reply+{key}@chat.example.com",
        key="[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        drop_references=True,
        keeps_key_in=("Message-ID",),
        destination="webhook",
        leaks=(
            "Message-ID holds the number of the conversation, which is the key: it is worth nothing while only the hook"
            " hands mail over.",
        ),
        settings=(
            "MAILER_INBOUND_EMAIL_DOMAIN is the domain of `address`",
            'RAILS_INBOUND_EMAIL_SERVICE=relay takes what the hook posts, with format = "raw"',
            "inboxes with IMAP of their own read mail that did not pass us: their answers need no key",
        ),
    ),
    Preset(
        name="mailman",
        address="{any}-confirm+{key}@lists.example.com",
        key="[0-9a-f]{40}",
        from_has_key=True,
        leaks=(
            "The body says `confirm KEY`: mail to LIST-request with that line confirms, and does not pass the hook.",
        ),
        settings=(
            "[mta] lmtp_host, lmtp_port: where the hook hands over",
            "the MTA's maps of Mailman name LIST-confirm, too: the hook's transport must come first",
            "from: the senders LIST-bounces@DOMAIN of all lists",
            "[mta] verp_confirmations = yes, as it is: else Subject holds the key, and nothing is wrapped",
        ),
    ),
    Preset(
        name="redmine",
        address="redmine@redmine.example.com",
        thread=ThreadFrom.MESSAGE_ID,
        tag=r"\[[^\[\]]{0,200}#[0-9]{1,10}\]",
        destination="command",
        settings=(
            "`Emission email address` is `address`: there is no other for answers",
            "rdm-mailhandler.rb or redmine:email:read runs for the hook, and for nobody else",
            "unknown_user: leave it at ignore",
        ),
    ),
    Preset(
        name="roundup",
        address="issue_tracker@tracker.example.com",
        thread=ThreadFrom.MESSAGE_ID,
        tag=r"\[[A-Za-z_]{1,40}[0-9]{1,10}\]|-- key [A-Za-z0-9_-]{32,64}",  # an issue; an account to be confirmed
        destination="command",
        settings=(
            "[tracker] email, at the domain of [mail], is `address`",
            "[nosy] email_sending = multiple: one message to several recipients is refused",
            "[mailgw] subject_content_match = never, where `open` names an address: else a title finds an old issue",
            "[mailgw] subject_updates_title = no: else an answer renames its issue",
            "roundup-mailgw runs for the hook, and for nobody else",
        ),
    ),
    Preset(
        name="generic",
        address="reply+{key}@app.example.com",
        drop_references=True,
        thread=ThreadFrom.MESSAGE_ID,
        settings=("whatever takes the application's mail takes it from the hook, and from nobody else",),
    ),
)

PRESETS: Mapping[str, Preset] = {preset.name: preset for preset in _ALL}
