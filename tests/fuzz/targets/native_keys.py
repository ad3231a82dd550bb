"""A native key is genuine in one spelling alone, and no change of a genuine one is another that is genuine.

Input: a text to be read as a key; and, in pairs of octets, places in a genuine one and what is put there.
"""

from reply_milter.core.native import gitea, moodle
from reply_milter.core.native.forms import FORMS, NativeForm, is_genuine, reading_of
from reply_milter.core.native.known import Known
from tests.fuzz.octets import text
from tests.support.native_writers import gitea_token, moodle_key

SECRET = bytes(range(16)).hex()
KNOWN = Known(SECRET, data_secret=SECRET[::-1])
GENUINE = {
    "gitea": gitea_token(42, SECRET, 1 << 31),
    "forgejo": gitea_token(42, SECRET, 1 << 31, forgejo=True),
    "moodle": moodle_key(1, 42, 7, SECRET[::-1], SECRET),
}
WORDS = (
    *(key.encode() for key in GENUINE.values()), GENUINE["gitea"].lower().encode(), b"AEBQIAA", b"AIBQIAA", b"AAAAAAAA",
    b"=", b"====", b"\n", b"\r", b"+", b"/", b"-", b"_", b"1", b"8", b"\xff", "\u0131".encode(), "\u017f".encode(),
    b"7" * 8, b"A" * 48, b"A" * 80, b"77777777777777777777777777777777",
)  # fmt: skip
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz234567+/=\n01\u0131"


def one_input(octets: bytes) -> None:
    """Read it under each form, and change the genuine keys by it."""
    written = text(octets)
    for name, form in FORMS.items():
        _only_genuine(form, written)
        changed = list(GENUINE[name])
        for at, what in zip(octets[::2], octets[1::2], strict=False):
            changed[at % len(changed)] = _LETTERS[what % len(_LETTERS)]
        _only_genuine(form, "".join(changed))


def _only_genuine(form: NativeForm, written: str) -> None:
    """What is genuine as the application writes it is that key; what is genuine otherwise is no canonical one."""
    reading = reading_of(form, written)
    assert not is_genuine(reading, None), "of nobody"
    if reading.is_canonical:
        assert not reading.is_blank and _written_again(form.name, written) == written, "a second spelling"
    if is_genuine(reading, KNOWN) and reading.is_canonical and reading.named.user == 42:
        if form.name == "moodle":  # the digest covers none of the numbers, which choose the keys
            assert written[32:] == GENUINE["moodle"][32:]
        else:
            assert written == GENUINE[form.name], "a key that nobody made"


def _written_again(name: str, written: str) -> str | None:
    if name == "moodle":
        of_moodle = moodle.parse(written)
        return None if of_moodle is None else moodle.write(of_moodle)
    kind = gitea.GITEA if name == "gitea" else gitea.FORGEJO
    token = gitea.parse(written, kind)
    return None if token is None else gitea.write(token, kind)
