"""What was wrapped comes back: over generated notifications and replies of each kind of application."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from reply_text.syntax.mailbox import mailboxes
from tests.support.wrapped_mail import handler_of, leave, unwrapped

_HEX = st.text("0123456789abcdef", min_size=32, max_size=32)
_KEYS = {
    "gitea": st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=60, max_size=80),
    "discourse": _HEX,
    "zulip": _HEX.map("mm{}".format),
    "moodle": st.text(string.ascii_letters + string.digits + "+/", min_size=48, max_size=48),
}
_NATIVES = st.one_of(
    [
        keys.map(lambda key, name=name: (name, handler_of(name).wrap.address.source.replace("{key}", key)))  # type: ignore[misc, union-attr]
        for name, keys in _KEYS.items()
    ]
)
_LOCAL = st.text(string.ascii_letters + string.digits + "!#$&'*+/=?^_`{|}~-", min_size=1, max_size=20)
_DOMAINS = st.sampled_from(["example.org", "EXAMPLE.org", "xn--bcher-kva.example", "a.b.c.test"])
_RECIPIENTS = st.tuples(_LOCAL, _DOMAINS)
_PHRASES = st.sampled_from(
    ["", "Shop ", '"Shop, Inc." ', "=?utf-8?q?Sh=C3=B6p?= ", "Sh\u00f6p ", '"a \\"b\\" c" ', "(c) ", "Shop\n\t"]
)
_IDS = st.lists(_LOCAL.map(lambda local: f"<{local}@app.test>"), max_size=4)
_FOLDS = st.sampled_from([" ", "\n\t", "\r\n\t", "\n "])
_OTHERS = st.lists(st.sampled_from(["bob@example.com", '"a, b" <c@d.test>', "X <y@z.test> (w)"]), max_size=2)


@settings(max_examples=150, deadline=None)
@given(_NATIVES, _RECIPIENTS, _PHRASES, _IDS, _FOLDS, _OTHERS)
def test_unwrap_gives_back_what_was_wrapped(
    native: tuple[str, str], recipient: tuple[str, str], phrase: str, ids: list[str], fold: str, others: list[str]
) -> None:
    """Original and recipient, whatever stands around the address; a mail program copies References into its reply."""
    name, address = native
    value = f",{fold}".join([*others, f"{phrase}<{address}>"])
    fields = [("Message-ID", "<own@app.test>"), ("Reply-To", value), ("X-Other", f"{fold}x")]
    fields += [("References", fold.join(ids))] if ids else []
    left = leave(handler_of(name), fields, "@".join(recipient))
    (minted,) = left.minted
    assert mailboxes(left.value("Reply-To")) == [*mailboxes(value)[:-1], minted.address]
    assert fields[0] in left.fields and fields[2] in left.fields
    for references in (left.value("References"), f"{left.value('References')}{fold}<own@app.test>".upper()):
        plain = unwrapped(minted.address, references)
        assert plain.original == address and plain.thread is None
        assert plain.recipient == f"{recipient[0]}@{recipient[1].lower()}"
    assert left.value("References").split()[: len(ids)] == ids
