"""What any store does: the same tests on the fake and on Redis."""

import pytest

from reply_milter.core.token.token import Token
from reply_milter.core.token.verify import Facts
from reply_milter.ports import Claim, Replay, Store
from tests.support.stores.store_bench import MESSAGE, OTHER_TOKEN_ID, TOKEN, Bench, claim, outcome

RETRY = claim(owner=b"owner2")
OTHER_CONTENT = claim(owner=b"owner2", content=b"9876543210")
OTHER_MESSAGE = claim(owner=b"owner2", message_tag="othermessages")
ANOTHER = claim(owner=b"owner2", message_tag="othermessages", content=b"9876543210")
OTHER_TOKEN = claim(owner=b"owner2", token_id=OTHER_TOKEN_ID)
FACTS = (42, 1, 7, TOKEN)


def test_new_message_is_the_first(store: Store) -> None:
    """Nothing is known of the token."""
    assert outcome(store, claim()) is Replay.FIRST


def test_same_claim_sent_twice_is_the_first_twice(store: Store) -> None:
    """A resend by the client library bears the same owner: no replay."""
    assert [outcome(store, claim()), outcome(store, claim())] == [Replay.FIRST, Replay.FIRST]


def test_reserved_message_may_be_retried(store: Store) -> None:
    """As often as the client likes, by other owners; the first stays the owner."""
    outcome(store, claim())
    assert [outcome(store, RETRY), outcome(store, RETRY), outcome(store, claim())] == [
        Replay.RETRY,
        Replay.RETRY,
        Replay.FIRST,
    ]


def test_committed_message_is_a_duplicate(store: Store) -> None:
    """For everyone, the first owner too."""
    outcome(store, claim())
    assert store.commit(claim().id) is True
    assert [outcome(store, RETRY), outcome(store, claim())] == [Replay.DUPLICATE, Replay.DUPLICATE]


@pytest.mark.parametrize("committed", [False, True])
@pytest.mark.parametrize("other", [OTHER_CONTENT, OTHER_MESSAGE], ids=["other content", "other id"])
def test_half_the_same_message_is_a_replay(store: Store, other: Claim, committed: bool) -> None:
    """The same id with other content, or the same content under another id."""
    outcome(store, claim())
    if committed:
        store.commit(claim().id)
    assert outcome(store, other) is Replay.REPLAYED


def test_replay_leaves_no_trace(store: Store) -> None:
    """Only the first one writes: what was refused does not make the next one look known."""
    outcome(store, claim())
    outcome(store, OTHER_CONTENT)
    outcome(store, OTHER_MESSAGE)
    assert store.commit(OTHER_MESSAGE.id) is False
    assert outcome(store, ANOTHER) is Replay.FIRST
    assert outcome(store, RETRY) is Replay.RETRY


def test_other_messages_and_other_tokens_do_not_matter(store: Store) -> None:
    """A conversation on one token; the same message for two."""
    outcome(store, claim())
    assert [outcome(store, ANOTHER), outcome(store, OTHER_TOKEN)] == [Replay.FIRST, Replay.FIRST]


def test_owner_may_release(store: Store) -> None:
    """Then nothing is known of the message, its content included."""
    outcome(store, claim())
    store.release(claim())
    assert store.commit(claim().id) is False
    assert outcome(store, OTHER_MESSAGE) is Replay.FIRST


def test_nobody_else_may_release(store: Store) -> None:
    """A retry whose edits failed leaves the reservation of the first."""
    outcome(store, claim())
    store.release(RETRY)
    store.release(OTHER_CONTENT)
    store.release(OTHER_TOKEN)
    assert outcome(store, RETRY) is Replay.RETRY


def test_committed_message_is_not_released(store: Store) -> None:
    """Not by its owner either."""
    outcome(store, claim())
    store.commit(claim().id)
    store.release(claim())
    assert outcome(store, RETRY) is Replay.DUPLICATE


def test_release_of_one_message_leaves_the_others(store: Store) -> None:
    """Each is remembered by itself."""
    outcome(store, claim())
    outcome(store, ANOTHER)
    store.release(claim())
    assert outcome(store, claim(message_tag="thirdmessages", content=b"9876543210")) is Replay.REPLAYED
    assert outcome(store, claim()) is Replay.FIRST


@pytest.mark.parametrize("identifier", [TOKEN + MESSAGE, "x" * 26, "", TOKEN])
def test_commit_of_what_was_never_reserved_is_false(store: Store, identifier: str) -> None:
    """And writes nothing."""
    assert store.commit(identifier) is False
    assert outcome(store, claim()) is Replay.FIRST


def test_commit_may_be_repeated(store: Store) -> None:
    """It is tried again where its answer was lost."""
    outcome(store, claim())
    assert [store.commit(claim().id), store.commit(claim().id)] == [True, True]


def test_several_are_committed_in_one_go(store: Store) -> None:
    """Of several tokens, one that was never reserved among them; all others as if by themselves."""
    reserved = [claim(token_id=f"token{number:08}") for number in range(50)]
    for one in reserved:
        outcome(store, one)
    outcome(store, claim())
    store.commit_all([*(one.id for one in reserved[:40]), "x" * 26])
    store.commit_all([])
    found = [outcome(store, one) for one in reserved]
    assert found == [Replay.DUPLICATE] * 40 + [Replay.FIRST] * 10
    assert outcome(store, claim()) is Replay.FIRST


@pytest.mark.parametrize("content", [b"\x00" * 10, b"C" * 10, b"R" * 10, b"\xff\r\n\x00:*$-+ "])
def test_content_and_owner_are_octets_without_structure(store: Store, content: bytes) -> None:
    """Nothing in them is read as a mark."""
    reserved = claim(content=content, owner=content[:6])
    assert outcome(store, reserved) is Replay.FIRST
    assert outcome(store, claim(content=content, owner=b"owner2")) is Replay.RETRY
    assert store.commit(reserved.id) is True
    assert outcome(store, reserved) is Replay.DUPLICATE


def test_nothing_on_record_is_no_facts(store: Store) -> None:
    """A claim is not a commit."""
    outcome(store, claim())
    assert store.facts(*FACTS) == Facts()


def test_disabled_user_is_reported(bench: Bench) -> None:
    """And no other."""
    bench.disable(42)
    assert bench.store.facts(*FACTS) == Facts(user_disabled=True)
    assert bench.store.facts(43, 1, 7, TOKEN) == Facts()


def test_addresses_on_file_are_reported(bench: Bench) -> None:
    """In order."""
    bench.know(42, "jane@example.org", "jane@xn--bcher-kva.example")
    assert bench.store.facts(*FACTS) == Facts(addresses=("jane@example.org", "jane@xn--bcher-kva.example"))


def test_revoked_token_is_reported_beside_its_messages(bench: Bench) -> None:
    """Both live in one hash."""
    outcome(bench.store, claim())
    bench.revoke_token(TOKEN)
    assert bench.store.facts(*FACTS) == Facts(token_revoked=True)
    assert bench.store.facts(42, 1, 7, OTHER_TOKEN_ID) == Facts()
    assert outcome(bench.store, RETRY) is Replay.RETRY


def test_revocation_of_a_user_is_reported_with_its_time(bench: Bench) -> None:
    """Unix seconds."""
    bench.revoke_user(42, 1000)
    assert bench.store.facts(*FACTS) == Facts(user_revoked_before=1000)
    assert bench.store.facts(43, 1, 7, TOKEN) == Facts()


def test_a_pseudo_user_is_not_the_user_with_its_number(bench: Bench) -> None:
    """What is known of one says nothing about the other, when facts are asked for and when a message is claimed."""
    about = Token(42, 1, 0, 7, 0)
    bench.disable(42)
    bench.know(42, "jane@example.org")
    bench.revoke_user(42, 1000)
    assert bench.store.facts(*FACTS, wrapped=True) == Facts()
    assert bench.store.claim(claim(about=about, wrapped=True)).facts == Facts()
    real = Facts(user_disabled=True, user_revoked_before=1000, addresses=("jane@example.org",))
    bench.disable(43, wrapped=True)
    bench.know(43, "ann@example.org", wrapped=True)
    bench.revoke_user(43, 2000, wrapped=True)
    pseudo = Facts(user_disabled=True, user_revoked_before=2000, addresses=("ann@example.org",))
    assert bench.store.facts(*FACTS) == bench.store.claim(claim(about=about)).facts == real
    assert bench.store.facts(43, *FACTS[1:]) == Facts()
    told = bench.store.claim(claim(about=about._replace(user=43), wrapped=True)).facts
    assert bench.store.facts(43, *FACTS[1:], wrapped=True) == told == pseudo


def test_revocation_of_an_object_is_reported_with_its_time(bench: Bench) -> None:
    """An object is a context of a handler."""
    bench.revoke_object(1, 7, 2000)
    assert bench.store.facts(*FACTS) == Facts(object_revoked_before=2000)
    assert bench.store.facts(42, 2, 7, TOKEN) == bench.store.facts(42, 1, 8, TOKEN) == Facts()


def test_each_revocation_is_distinguished(bench: Bench) -> None:
    """Facts name the revocation: of the user, the object, or everything."""
    bench.revoke_user(42, 3000)
    bench.revoke_object(1, 7, 2000)
    bench.revoke_all(1000)
    assert bench.store.facts(*FACTS) == Facts(
        user_revoked_before=3000, object_revoked_before=2000, all_revoked_before=1000
    )
    assert bench.store.facts(43, 1, 8, TOKEN) == Facts(all_revoked_before=1000)
