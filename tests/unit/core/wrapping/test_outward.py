"""Notifications of each application leave with an address of ours, without a key, and else as they came."""

import base64

import pytest

from reply_milter.core.wrapping.outward import (
    NO_RECIPIENT,
    NO_THREAD,
    ODD_RECIPIENT,
    SEVERAL,
    SIGNED,
    Outbound,
    WrapError,
    wrap,
)
from reply_milter.core.wrapping.outward_draft import Draft
from reply_milter.core.wrapping.plain import Plain, ThreadName
from reply_text.syntax.mailbox import mailboxes
from tests.support.fakes import FORM, KEYRING, NOW
from tests.support.wrapped_mail import JANE, JOURNAL, Fields, Left, handler_of, leave, token_of, unwrapped

GITEA_KEY = "AGCQVBAEAFIKZ" + "B4KJ2ME7QX3N" * 5 + "AA"
UNSUBSCRIBE_KEY = "AGCQVBAEAFIKZ" + "QQQQ2ME7QX3N" * 5 + "AA"
HEX = "0123456789abcdef0123456789abcdef"
GITEA = handler_of("gitea")
GITEA_MAIL: Fields = [
    ("Message-ID", "<shop/web/issues/7/comment/31@git.example.com>"),
    ("In-Reply-To", "<shop/web/issues/7@git.example.com>"),
    ("References", f"<shop/web/issues/7@git.example.com>\n\t<reply-{GITEA_KEY}@git.example.com>"),
    ("Reply-To", f"incoming+{GITEA_KEY}@git.example.com"),
    ("List-Post", f"<mailto:incoming+{GITEA_KEY}@git.example.com>"),
    ("List-Unsubscribe", "<https://git.example.com/shop/web/issues/7>,\n"
     f" <mailto:incoming%2B{UNSUBSCRIBE_KEY}%40git.example.com?subject=Unsubscribe>"),
    ("List-ID", "shop/web <web.shop.git.example.com>"),
    ("From", "Anna =?utf-8?q?M=C3=BCller?= <noreply@git.example.com>"),
    ("To", "jane@example.org"),
    ("Subject", "Re: [shop/web] Printer, 2nd floor: 50% of 100%\r\n\tis =?utf-8?b?a2FwdXR0?= (#7)"),
    ("X-Gitea-Issue-ID", "7"),
    ("X-Odd", "  \ttwo  blanks "),
]  # fmt: skip


def kept(left: Left, *changed: str) -> None:
    """All fields but those are as they came, in their order."""
    others = [(name, value) for name, value in left.fields if name.lower() not in changed]
    assert others == [(name, value) for name, value in GITEA_MAIL if name.lower() not in changed]


def without_key(left: Left, *keys: str) -> None:
    """No key, however one reads it: here the plainest ways."""
    text = "".join(f"{name}{value}" for name, value in left.fields).replace("\n", "").replace("\t", "").lower()
    assert not [key for key in keys if key.lower() in text]


def test_gitea_leaves_with_an_address_of_ours() -> None:
    """Reply-To is ours, the key is in no field, and all that is not named is octet for octet."""
    left = leave(GITEA, GITEA_MAIL)
    (minted,) = left.minted
    assert left.value("Reply-To") == minted.address
    assert left.values("List-Post") == []
    assert left.value("List-Unsubscribe") == "<https://git.example.com/shop/web/issues/7>"
    assert left.value("References") == f"<shop/web/issues/7@git.example.com>\n\t<{minted.capsule}>"
    kept(left, "reply-to", "list-post", "list-unsubscribe", "references")
    without_key(left, GITEA_KEY, UNSUBSCRIBE_KEY)
    plain = unwrapped(minted.address, left.value("References"))
    assert plain == Plain(f"incoming+{GITEA_KEY}@git.example.com", JANE)


def test_the_token_is_bound_to_its_recipient() -> None:
    """Its user is the recipient's pseudo-user: the same for each of the notifications that they get."""
    first, other = leave(GITEA, GITEA_MAIL).minted[0], leave(GITEA, GITEA_MAIL, "bob@example.org").minted[0]
    again = leave(GITEA, [*GITEA_MAIL, ("X-More", "1")]).minted[0]
    assert first == again != other
    made = token_of(first.address)
    key = KEYRING.minting_key(made.user)
    assert (made.handler, made.sender) == (20, key.sender(JANE)) and made.user != token_of(other.address).user
    assert token_of(leave(handler_of("gitea", bind_sender=False), GITEA_MAIL).minted[0].address).sender == 0
    assert first.kept_until == made.expires_at(90) + 7 * 86400
    tagged = leave(GITEA, GITEA_MAIL, "jane+git@Example.ORG").minted[0]
    assert token_of(tagged.address).user == made.user
    assert unwrapped(tagged.address, f"<{tagged.capsule}>").recipient == "jane+git@example.org"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("<{native}>", "<{ours}>"),
        ("Shop <{native}>", "Shop <{ours}>"),
        ('"Shop, 2nd floor" <{native}>', '"Shop, 2nd floor" <{ours}>'),
        ('"Shop,\n\t2nd floor"\n\t<{native}>', '"Shop,\n\t2nd floor"\n\t<{ours}>'),
        ("=?utf-8?q?Sh=C3=B6p?= <{native}>", "=?utf-8?q?Sh=C3=B6p?= <{ours}>"),
        ("Sh\u00f6p <{native}>", "Sh\u00f6p <{ours}>"),
        ("Sh\udcf6p <{native}>", "Sh\u00f6p <{ours}>"),
        ("{native} (the shop)", "{ours} (the shop)"),
        ("a@b.test, {native}, Bob <bob@c.test>", "a@b.test, {ours}, Bob <bob@c.test>"),
        ("Shop: {native}, a@b.test;", "Shop: {ours}, a@b.test;"),
        ('"{key}" <{native}>', "<{ours}>"),
        ("Reply {key} here <{native}>", "<{ours}>"),
        ("=?utf-8?b?{base64}?= <{native}>", "<{ours}>"),
        ("{native} (or {key})", "{ours}"),
        ("Shop <{native}>\n\t({key})", "Shop <{ours}>"),
        ("<@relay.test:{native}>", "<{ours}>"),
        ("incoming+{key} @ GIT.example.com", "{ours}"),
        ("<{native}>,\n\t<{native}>", "<{ours}>,\n\t<{ours}>"),
        ('"a\\"b" <{native}>', '"a\\"b" <{ours}>'),
        ("mailto:{native}", "mailto:{ours}"),
        ("a (nested (comment, with <x@y>)) <{native}>", "a (nested (comment, with <x@y>)) <{ours}>"),
    ],
)
def test_reply_to_is_rewritten_in_place(given: str, expected: str) -> None:
    """Display names, other addresses, groups and folding stay; a name or comment that holds the key goes."""
    native, encoded = f"incoming+{GITEA_KEY}@git.example.com", base64.b64encode(GITEA_KEY.encode()).decode()
    value = given.replace("{native}", native).replace("{key}", GITEA_KEY).replace("{base64}", encoded)
    left = leave(GITEA, [("Message-ID", "<a@git.example.com>"), ("Reply-To", value)])
    (minted,) = left.minted
    assert left.value("Reply-To").strip() == expected.replace("{ours}", minted.address)
    without_key(left, GITEA_KEY)


def test_two_fields_and_two_originals() -> None:
    """Each native address gets one of ours, and each of them its capsule."""
    other = GITEA_KEY[::-1].replace("=", "A")
    left = leave(
        GITEA,
        [
            ("Reply-To", f"incoming+{GITEA_KEY}@git.example.com"),
            ("reply-to", f"X <a@b.test>, incoming+{other}@git.example.com"),
            ("References", "<x@git.example.com>"),
        ],
    )
    first, second = left.minted
    assert left.values("Reply-To") == [first.address, f"X <a@b.test>, {second.address}"]
    assert left.value("References") == f"<x@git.example.com>\n\t<{first.capsule}>\n\t<{second.capsule}>"
    found = [unwrapped(one.address, left.value("References")).original for one in (first, second)]
    assert found == [f"incoming+{GITEA_KEY}@git.example.com", f"incoming+{other}@git.example.com"]


def test_where_there_are_no_references_the_parent_comes_first() -> None:
    """Mail programs thread by References where there are any, and no more by In-Reply-To."""
    reply_to = ("Reply-To", f"incoming+{GITEA_KEY}@git.example.com")
    left = leave(GITEA, [reply_to, ("In-Reply-To", "<p@git.example.com>")])
    assert left.value("References") == f"<p@git.example.com>\n\t<{left.minted[0].capsule}>"
    assert leave(GITEA, [reply_to]).value("References") == f"<{left.minted[0].capsule}>"
    gone = leave(GITEA, [reply_to, ("References", f"<reply-{GITEA_KEY}@git.example.com>")])
    assert gone.value("References") == f"<{gone.minted[0].capsule}>"


def test_gitlab_loses_all_that_holds_its_key() -> None:
    """Also the https link, the one-click field, and its own key field."""
    key = "1-0000k3f9z0123456789abcdef-a1"
    left = leave(
        handler_of("gitlab"),
        [
            ("References", f"<reply-{key}@gitlab.example.com>\n <issue_31@gitlab.example.com>"),
            ("Reply-To", f'"Shop / Web, Inc." <incoming+{key}@gitlab.example.com>'),
            ("X-GitLab-Reply-Key", key),
            ("List-Unsubscribe", f"<https://gitlab.example.com/-/sent_notifications/{key}/unsubscribe?force=true>,"
             f"<mailto:incoming+{key}-unsubscribe@gitlab.example.com>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ("X-GitLab-Project", "web"),
        ],
    )  # fmt: skip
    (minted,) = left.minted
    assert left.fields == [
        ("References", f"<issue_31@gitlab.example.com>\n\t<{minted.capsule}>"),
        ("Reply-To", f'"Shop / Web, Inc." <{minted.address}>'),
        ("X-GitLab-Project", "web"),
    ]


def test_discourse_keeps_its_https_link_and_one_click() -> None:
    """They hold no key, and a signer behind us covers them."""
    left = leave(
        handler_of("discourse"),
        [
            ("Message-ID", "<discourse/post/31@discourse.example.com>"),
            ("Reply-To", f'"Shop Talk" <reply+{HEX}@discourse.example.com>'),
            ("List-Unsubscribe", "<https://discourse.example.com/email/unsubscribe/" + HEX[::-1] + ">"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ],
    )
    assert [name for name, _ in left.fields] == [
        "Message-ID", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post", "References",
    ]  # fmt: skip


def test_one_click_goes_with_its_link() -> None:
    """It promises an https link (RFC 8058)."""
    left = leave(
        handler_of("discourse"),
        [
            ("Reply-To", f"reply+{HEX}@discourse.example.com"),
            ("List-Unsubscribe", f"<https://discourse.example.com/u?k%3D{HEX}>, <mailto:off@discourse.example.com>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ],
    )
    assert left.value("List-Unsubscribe") == "<mailto:off@discourse.example.com>"
    assert left.values("List-Unsubscribe-Post") == []


@pytest.mark.parametrize(
    ("preset", "native"),
    [
        ("moodle", "incoming+AAAAAAAAAAEAAAAAAAAAKgAAAAAAAAAHq1/9+abcdefghijk@moodle.example.com"),
        ("zulip", f"mm{HEX}@zulip.example.com"),
        ("forgejo", f"incoming+{GITEA_KEY}@git.example.com"),
    ],
)
def test_the_others_are_alike(preset: str, native: str) -> None:
    """Reply-To, with and without a name."""
    left = leave(handler_of(preset), [("Message-ID", "<a@app.test>"), ("Reply-To", f"Shop\n\t<{native}>")])
    assert mailboxes(left.value("Reply-To")) == [left.minted[0].address]
    assert unwrapped(left.minted[0].address, left.value("References")).original == native


def test_chatwoot_keeps_its_message_id() -> None:
    """It holds the key, and is the message's identity; ids of other messages that do so go."""
    key = "01234567-89ab-cdef-0123-456789abcdef"
    own = ("Message-ID", f"<conversations/{key}/messages/7@chat.example.com>")
    left = leave(
        handler_of("chatwoot"),
        [
            own,
            ("Reply-To", f"Shop <reply+{key}@chat.example.com>"),
            ("In-Reply-To", f"<account/1/conversation/{key}@chat.example.com>"),
        ],
    )
    assert own in left.fields and left.values("In-Reply-To") == []


def test_mailman_has_its_key_in_from() -> None:
    """From becomes the address without it, so that its domain stays; Reply-To is ours."""
    key = "761497e980bcd4ed8460ad2879c51c9c21a53182"
    left = leave(handler_of("mailman"), [("From", f'"{key}" <dev-confirm+{key}@lists.example.com>'), ("Subject", "x")])
    (minted,) = left.minted
    assert left.fields == [
        ("From", "<dev-confirm@lists.example.com>"),
        ("Subject", "x"),
        ("Reply-To", minted.address),
        ("References", f"<{minted.capsule}>"),
    ]
    assert unwrapped(minted.address, left.value("References")).original == f"dev-confirm+{key}@lists.example.com"


def test_a_list_post_with_somebodys_key_is_none_of_mailmans_notifications() -> None:
    """A member wrote it: to refuse it would bounce for the whole list."""
    key = "761497e980bcd4ed8460ad2879c51c9c21a53182"
    fields = [("From", "eve@evil.test"), ("Reply-To", f"dev-confirm+{key}@lists.example.com")]
    outbound = Outbound(("a@b.test", "c@d.test"), "4Q1", NOW)
    assert wrap(Draft(fields), outbound, handler_of("mailman"), KEYRING, FORM) is None


def test_redmine_gets_a_reply_to_added() -> None:
    """From is the address of everybody, and stays; the thread is in the capsule."""
    own = "redmine.issue-1.20261128190831.6@redmine.example.com"
    fields = [
        ("From", "Anna Example <redmine@redmine.example.com>"),
        ("Message-ID", f"<{own}>"),
        ("References", f"<{own}>"),
        ("Subject", "=?utf-8?q?=5BDemo_-_Bug_=231=5D_=28New=29?= Printer [Other #2]"),
    ]
    left = leave(handler_of("redmine"), fields)
    (minted,) = left.minted
    assert left.fields[-1] == ("Reply-To", minted.address) and left.fields[0] == fields[0]
    plain = unwrapped(minted.address, left.value("References"))
    assert plain == Plain("redmine@redmine.example.com", JANE, ThreadName(own, "[Demo - Bug #1]"))
    other = leave(handler_of("redmine"), [(name, value.replace("issue-1", "issue-2")) for name, value in fields])
    assert token_of(other.minted[0].address).context != token_of(minted.address).context


def test_roundup_has_its_reply_to_replaced() -> None:
    """And From stays."""
    tracker = "issue_tracker@tracker.example.com"
    fields = [
        ("Reply-To", f"Tracker <{tracker}>"), ("Message-Id", "<r17@example.com>"),
        ("In-Reply-To", "<new-1@example.com>"), ("Subject", "[issue1] Printer"), ("From", f"Bob Example <{tracker}>"),
    ]  # fmt: skip
    left = leave(handler_of("roundup"), fields)
    (minted,) = left.minted
    assert left.value("Reply-To") == f"Tracker <{minted.address}>" and left.value("From") == f"Bob Example <{tracker}>"
    assert left.value("References") == f"<new-1@example.com>\n\t<{minted.capsule}>"
    thread = unwrapped(minted.address, left.value("References")).thread
    assert thread is not None and thread.tag == "[issue1]"


def test_an_id_that_the_mta_made_up_names_no_thread() -> None:
    """It would be another one with a retry."""
    fields = [("From", "redmine@redmine.example.com"), ("Message-ID", "<2026.4Q1@mx.test>"), ("Subject", "Hello")]
    with pytest.raises(WrapError, match=NO_THREAD):
        leave(handler_of("redmine"), fields)
    tagged = leave(handler_of("redmine"), [*fields[:2], ("Subject", "[a #7] Hello")])
    plain = unwrapped(tagged.minted[0].address, tagged.value("References"))
    assert plain.thread == ThreadName("", "[a #7]")


@pytest.mark.parametrize(
    "fields",
    [
        [("From", "noreply@git.example.com"), ("Subject", "Reset your password")],
        [("Reply-To", "support@git.example.com")],
        [("Reply-To", f"incoming+{GITEA_KEY}@git.example.com.evil.test")],
        [("Reply-To", "incoming@git.example.com")],
        [("Subject", f"incoming+{GITEA_KEY}@git.example.com")],
        [("X-Mine", f"incoming+{GITEA_KEY}@git.example.com")],
        [],
    ],
)
def test_other_mail_of_the_application_is_no_notification(fields: Fields) -> None:
    """Nothing is looked at in it, not even how many get it: a title of a user's choice stops nobody's mail."""
    outbound = Outbound(("a@b.test", "c@d.test"), "4Q1", NOW, "it has a Received field")
    draft = Draft(fields)
    assert wrap(draft, outbound, GITEA, KEYRING, FORM) is None and draft.edits() == ()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ([("X-Custom", f"key {GITEA_KEY}")], "X-Custom holds"),
        ([("X-Custom", f"key {GITEA_KEY.lower()}")], "X-Custom holds"),
        ([("X-Custom", f"{GITEA_KEY[:20]}\n\t{GITEA_KEY[20:]}")], "X-Custom holds"),
        ([("X-Custom", f"=?utf-8?q?{GITEA_KEY[:20]}?=\n\t=?utf-8?q?{GITEA_KEY[20:]}?=")], "X-Custom holds"),
        ([("X-Custom", f"https://x.test/%{ord('A'):x}{GITEA_KEY[1:]}")], "X-Custom holds"),
        ([("X-Custom", f"https://x.test/%25{ord('A'):x}{GITEA_KEY[1:]}")], "X-Custom holds"),
        ([("X-Custom", f"=?utf-8?q?%{ord('A'):x}{GITEA_KEY[1:]}?=")], "X-Custom holds"),
        ([("X-Custom", f'"{GITEA_KEY[:3]}\\{GITEA_KEY[3:]}"')], "X-Custom holds"),
        ([(f"X-{GITEA_KEY}", "1")], "a field holds"),
        ([("Message-ID", f"<{GITEA_KEY}@git.example.com>")], "Message-ID holds"),
        ([("Subject", f"about {GITEA_KEY}")], "Subject holds"),
        ([("Reply-To", f"=?utf-8?q?incoming=2B{GITEA_KEY}=40git.example.com?=")], "not spelled plainly"),
        ([("Reply-To", f'"incoming+{GITEA_KEY}"@git.example.com')], "not spelled plainly"),
        ([("Reply-To", f"x {GITEA_KEY}: a@b.test;")], "name of a group"),
        ([("Message-ID", "<a@b>"), ("message-id", "<c@d>")], "at most one message-id"),
        ([("References", "<a@b>"), ("References", "<c@d>")], "at most one references"),
        ([("DKIM-Signature", "v=1; d=x.test; h=From:Reply-\n\tTo; b=x")], SIGNED),
        ([("DKIM-Signature", "v=1; d=x.test; h = from : REFERENCES"), ("X", "1")], SIGNED),
    ],
)
def test_what_cannot_be_wrapped_does_not_leave(fields: Fields, why: str) -> None:
    """With words of ours that hold nothing of the message."""
    with pytest.raises(WrapError) as error:
        leave(GITEA, [("Reply-To", f"incoming+{GITEA_KEY}@git.example.com"), *fields])
    assert why in str(error.value) and GITEA_KEY not in str(error.value)
    assert error.value.enhanced == "5.6.0"


def test_a_signature_over_other_fields_stays_good() -> None:
    """Only what is changed matters."""
    signed = ("DKIM-Signature", "v=1; d=x.test; h=from:to:subject:message-id; b=x")
    assert signed in leave(GITEA, [*GITEA_MAIL, signed]).fields


@pytest.mark.parametrize(
    ("recipients", "why"),
    [((JANE, "bob@example.org"), SEVERAL), ((JOURNAL,), NO_RECIPIENT), (("",), ODD_RECIPIENT), ((JANE, ""), SEVERAL)],
)
def test_one_recipient_and_no_other(recipients: tuple[str, ...], why: str) -> None:
    """An address is for one."""
    with pytest.raises(WrapError, match=why):
        leave(GITEA, GITEA_MAIL, *recipients)


def test_journals_are_no_recipients() -> None:
    """In whatever case they are written."""
    left = leave(GITEA, GITEA_MAIL, "Journal@EXAMPLE.com", JANE)
    assert left.minted == leave(GITEA, GITEA_MAIL).minted


def test_an_obstacle_stops_a_notification() -> None:
    """In its own words."""
    with pytest.raises(WrapError, match="it has a Received field"):
        leave(GITEA, GITEA_MAIL, obstacle="it has a Received field")


def test_a_capsule_that_is_too_long_is_left_out() -> None:
    """250 octets come back from every mail program; the store has it alone."""
    tall = handler_of("gitea", address=f"incoming+{{key}}@{'long.' * 30}example.com")
    value = f"incoming+{GITEA_KEY}@{'long.' * 30}example.com"
    left = leave(tall, [("Reply-To", value), ("References", "<a@b.test>")])
    assert left.minted[0].capsule == "" and left.minted[0].sealed and left.value("References") == "<a@b.test>"


def test_many_native_addresses_are_refused() -> None:
    """Each costs a token."""
    many = [f"incoming+{GITEA_KEY[:-1]}{letter}@git.example.com" for letter in "ABCDEFGHI"]
    with pytest.raises(WrapError, match="too many"):
        leave(GITEA, [("Reply-To", ", ".join(many))])


@pytest.mark.parametrize(
    "value",
    [
        f"=?utf-8?q?incoming=2B{GITEA_KEY}=40git.example.com?=",
        f'"incoming+{GITEA_KEY}"@git.example.com',
        f"incoming+{GITEA_KEY}@git.example.com\n\t(unclosed \\) <a@b",
    ],
)
def test_an_address_that_is_odd_leaves_rewritten_or_not_at_all(value: str) -> None:
    """Never as it came."""
    try:
        left = leave(GITEA, [("Reply-To", value)])
    except WrapError:
        return
    assert mailboxes(left.value("Reply-To"))[0] == left.minted[0].address
    without_key(left, GITEA_KEY)


@pytest.mark.parametrize("named", ["reply+{other}@discourse.example.com", "<reply+{other}@discourse.example.com>"])
def test_a_name_that_an_author_chose_stops_nobodys_mail(named: str) -> None:
    """Discourse writes it into Reply-To and From: else an author could keep his posts from being told of."""
    name = named.replace("{other}", HEX[::-1])
    left = leave(
        handler_of("discourse"),
        [
            ("From", f'"{name}" <noreply@app.test>'),
            ("Reply-To", f'"{name}" <reply+{HEX}@discourse.example.com>'),
            ("Message-ID", "<discourse/post/31@discourse.example.com>"),
            ("Subject", f"{HEX[::-1]} wrote"),
        ],
    )
    (minted,) = left.minted
    assert left.value("Reply-To") == f"<{minted.address}>"
    assert unwrapped(minted.address, left.value("References")).original == f"reply+{HEX}@discourse.example.com"
    without_key(left, HEX)
