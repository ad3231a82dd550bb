"""Whether an answer's time tells what is wrong with a token: Welch's t between kinds of guesses, on the milter socket.

A report, not a proof: the long form asks 10,000 times for each kind, in turns. What is asserted is far above noise; a
remembered user key, or a question to the store, would show as several times that.
"""

import json
import os
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from reply_milter.adapters.redis_store import RedisRegistry
from reply_milter.core.encoding.base32 import ALPHABET
from reply_milter.core.token.mint import Order, mint
from reply_milter.ports import UserChange
from reply_milter.wiring.stores import load, store_url
from tests.support.native_writers import gitea_token, moodle_key
from tests.wire.milter_alone import DOMAIN, Milter, own_folder
from tests.wire.milter_client import CONTINUE, REPLYCODE, Mta

pytestmark = pytest.mark.wire

LONG = bool(os.environ.get("REPLY_MILTER_LONG"))
ASKED = 10_000 if LONG else 1500
OFF = 9
SHARE = 0.1 if LONG else 0.25  # of a median answer: two kinds differ by less. Other tests run beside the short form


_VERIFYING = """
[[handler]]
id = {id}
name = "{form}"
context = "wrapped"
[handler.wrap]
application = "{form}"
address = "incoming+{{key}}@{form}.example.com"
native = "verify"
outward = false
[handler.verify]
type = "{form}"
source = "file:{folder}/users"
[handler.delivery]
type = "maildir"
path = "{folder}/mail"
"""


@pytest.fixture
def milter() -> Iterator[Milter]:
    """A daemon that throttles no client."""
    with own_folder() as folder:
        running = Milter(folder)
        text = running.config.read_text()
        text = text.replace("forged_per_minute = 60", "forged_per_minute = 0")
        running.config.write_text(
            f'{text}\n[[handler]]\nid = {OFF}\nname = "off"\ncontext = "thread"\nenabled = false\n'
        )
        running.daemon.start()
        yield running
        running.daemon.stop()


class Guesses:
    """Guesses of each kind, none of which is made twice: what was asked a moment ago is quicker on any machine."""

    KINDS = ("unknown user", "known user", "known user, only the last letter wrong", "known user once more")

    def __init__(self, milter: Milter) -> None:
        self._known = [milter.mint(user=random.getrandbits(40)).address.partition("@")[0] for _ in range(100)]
        with Mta(milter.socket) as mta:
            mta.connect()
            for local in self._known:  # they are users who have just been here
                mta.mail()
                assert mta.rcpt(f"<{local}@{DOMAIN}>", f"{local}@{DOMAIN}").code == CONTINUE
                mta.abort()

    def of(self, kind: str) -> str:
        """One guess, written anew."""
        local = random.choice(self._known)
        user, rest, checksum = local[:16], local[16:-26], random.choices(ALPHABET, k=26)
        if kind == "unknown user":
            user = f"reply+{random.getrandbits(40):010x}"
        elif kind.endswith("wrong"):
            checksum = [*local[-26:-1], random.choice(ALPHABET.replace(local[-1], ""))]
        return f"{user}{rest}{''.join(checksum)}@{DOMAIN}"


def _microseconds(mta: Mta, address: str) -> float:
    mta.mail()
    begun = time.perf_counter_ns()
    answer = mta.rcpt(f"<{address}>", address)
    taken = (time.perf_counter_ns() - begun) / 1000
    assert answer.code == REPLYCODE and answer.text == "550 5.7.1 This reply address is not valid"
    mta.abort()
    return taken


def _welch(first: list[float], second: list[float]) -> float:
    spread = statistics.variance(first) / len(first) + statistics.variance(second) / len(second)
    return float((statistics.fmean(first) - statistics.fmean(second)) / spread**0.5)


def _without_outliers(times: list[float]) -> list[float]:
    """The fastest nine tenths: what the scheduler adds to the rest would drown everything."""
    return sorted(times)[: len(times) * 9 // 10]


def test_answers_take_as_long_whatever_is_wrong(milter: Milter) -> None:
    """Medians are close to each other; t is printed."""
    guesses = Guesses(milter)
    _compare(milter, [(kind, guesses.of(kind)) for kind in guesses.KINDS for _ in range(ASKED)])


def test_a_genuine_address_tells_no_handler_from_a_user(milter: Milter) -> None:
    """Both disabled, or unknown: the same time for a client that has their addresses."""
    settings = load(str(milter.config))
    known, ring, form = settings.config.handlers.named("issue"), settings.keyring, settings.config.form
    assert known is not None
    registry = RedisRegistry(store_url(settings.config), 2.0, settings.config.realm)
    registry.set_users([UserChange(user, disabled=True) for user in range(5000, 5100)], int(time.time()) + 86400)
    asked = []
    for number in range(ASKED):
        order = Order(5000 + number % 100, int(time.time()), locator="a/1", unique=f"{number}")
        asked.append(("a disabled user", mint(order, known, ring, form).address))
        for kind, number_of in (("a disabled handler", OFF), ("an unknown handler", OFF + 1)):
            asked.append((kind, mint(order, replace(known, id=number_of), ring, form).address))
    _compare(milter, asked)


@pytest.fixture
def verifying() -> Iterator[Milter]:
    """A daemon that verifies addresses of a Gitea and of a Moodle with a hundred users each, and throttles nobody."""
    with own_folder() as folder:
        running = Milter(folder, changes={"forged_per_minute = 60": "forged_per_minute = 0"})
        lines = [{"id": number, "secret": f"{number:032x}"} for number in range(1000, 1100)]
        lines += [{"handler": 1, "data": number, "secret": f"{number:032x}"} for number in range(1, 101)]
        users = folder / "users"
        users.write_text("".join(json.dumps(line) + "\n" for line in lines))
        users.chmod(0o644)
        hook = f'\n[delivery]\nlisten = "unix:{folder}/lmtp.sock"\nsocket_group = ""\n'
        tables = (
            _VERIFYING.format(id=20 + at, form=form, folder=folder) for at, form in enumerate(("gitea", "moodle"))
        )
        running.config.write_text(running.config.read_text() + hook + "".join(tables))
        running.daemon.start()
        yield running
        running.daemon.stop()


def test_native_keys_take_as_long_whatever_is_wrong(verifying: Milter) -> None:
    """Of Gitea: no such user, another secret, a key that was cut off or altered, a second spelling of a genuine one."""
    asked = []
    for _ in range(ASKED):
        user, other = random.randrange(1000, 1100), random.randrange(2000, 9000)
        secret, expires, number = f"{user:032x}", int(time.time()) + 86400, random.randrange(1, 1 << 20)
        cut = gitea_token(user, secret, expires, number)
        asked += [
            ("unknown user", gitea_token(other, secret, expires, number)),
            ("another secret", gitea_token(user, secret[::-1], expires, number)),
            ("cut off", cut[:-8]),
            ("a letter altered", cut[:10] + ("A" if cut[10] != "A" else "B") + cut[11:]),
            ("second spelling", cut.lower()),
        ]
    _compare(verifying, [(kind, f"incoming+{key}@gitea.example.com") for kind, key in asked])


def test_addresses_of_moodle_take_as_long_whatever_is_wrong(verifying: Milter) -> None:
    """No such user, no such data, another secret, letters that were folded."""
    asked = []
    for _ in range(ASKED):
        user, data, other = random.randrange(1000, 1100), random.randrange(1, 101), random.randrange(2000, 9000)
        of_user, of_data = f"{user:032x}", f"{data:032x}"
        asked += [
            ("unknown user", moodle_key(1, other, data, of_data, of_user)),
            ("unknown data", moodle_key(1, user, other, of_data, of_user)),
            ("another secret", moodle_key(1, user, data, of_data, of_user[::-1])),
            ("folded", "z" + moodle_key(1, user, data, of_data, of_user)[1:].lower()),
        ]
    _compare(verifying, [(kind, f"incoming+{key}@moodle.example.com") for kind, key in asked])


def _compare(milter: Milter, asked: list[tuple[str, str]]) -> None:
    kinds = list(dict.fromkeys(kind for kind, _ in asked))
    random.shuffle(asked)
    times: dict[str, list[float]] = {kind: [] for kind in kinds}
    with Mta(milter.socket) as mta:
        mta.connect()
        for _, address in asked[:50]:  # the first ones are the machine's
            _microseconds(mta, address)
        for kind, address in asked:
            times[kind].append(_microseconds(mta, address))
    kept = {kind: _without_outliers(found) for kind, found in times.items()}
    medians = {kind: statistics.median(found) for kind, found in kept.items()}
    for kind in kinds:
        t = _welch(kept[kind], kept[kinds[0]])
        ratio = medians[kind] / medians[kinds[0]]
        print(f"{kind}: median {medians[kind]:.1f} us, against {kinds[0]}: ratio {ratio:.3f}, t = {t:+.2f}")
    assert max(medians.values()) < min(medians.values()) * (1 + SHARE), medians
