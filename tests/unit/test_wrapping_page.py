"""docs/wrapping.md: its limits are the program's, and its lines are a configuration."""

import re
from pathlib import Path

import pytest

from reply_milter import config
from reply_milter.core.token.keyring import KeyState, MasterKey
from reply_milter.core.wrapping import capsule, outward, outward_minting
from reply_milter.core.wrapping.keys import seal_capsule
from reply_milter.core.wrapping.plain import Plain, ThreadName
from reply_milter.core.wrapping.presets import PRESETS
from reply_milter.processes import signer

_DOCS = Path(__file__).parents[2] / "docs"
_PAGE = (_DOCS / "wrapping.md").read_text(encoding="utf-8")
_AROUND = """
realm = "test"
[address]
mint_domain = "reply.example.com"
[sign]
socket = "unix:/run/sign.sock"
[[sign.application]]
name = "git"
handlers = ["gitea"]
logins = ["git@example.com"]
[delivery]
listen = "unix:/run/lmtp.sock"
"""


def _id_octets(plain: Plain) -> int:
    master = MasterKey("k", KeyState.ACTIVE, bytes(32))
    return len(capsule.write("reply.example.com", seal_capsule(master, "r", "a" * 58, plain)))


def test_the_lines_are_a_configuration() -> None:
    """As they stand."""
    lines = re.findall(r"(?m)^ {4}(.*)$", _PAGE)
    verifying = lines.index("[handler.wrap]", lines.index("[handler.wrap]") + 1)
    handler = config.parse(_AROUND + "\n".join(lines[:verifying])).handlers.named("gitea")
    assert handler is not None and handler.wrap is not None
    assert handler.wrap.address.source == PRESETS["gitea"].address
    native, table = lines[verifying + 1], lines[verifying + 2 :]
    wrapped = "\n".join(lines[:verifying]).replace("[handler.wrap]", f"[handler.wrap]\n{native}")
    handler = config.parse("\n".join([_AROUND + wrapped, *table])).handlers.named("gitea")
    assert handler is not None and handler.wrap is not None and handler.wrap.verification is not None


@pytest.mark.parametrize(
    "limit,value",
    [
        (r"native addresses of one message \| (\d+)", outward._MOST),
        (r"a capsule \| (\d+) octets", capsule.ID_OCTETS),
        (r"sign milter's wait for the store \| (\d+) ms", round(1000 * signer._STORE_SECONDS)),
        (r"until (seven) days after the address expires", "seven" if outward_minting._GRACE_SECONDS == 604800 else ""),
    ],
)
def test_limits_are_those_of_the_program(limit: str, value: object) -> None:
    """The table's."""
    assert re.findall(limit, _PAGE) == [str(value)]


def test_a_capsule_has_room_for_what_the_page_says() -> None:
    """123 octets, or 119 with a thread; and one more is too long."""
    words = " ".join(_PAGE.split())
    assert "room for 123 octets of native address and recipient" in words
    assert "119 of address, recipient, and the thread's id and tag" in words
    for octets, fits in ((123, True), (124, False)):
        assert (_id_octets(Plain("a" * 100, "b" * (octets - 100))) <= capsule.ID_OCTETS) is fits
    for octets, fits in ((119, True), (120, False)):
        plain = Plain("a" * 50, "b" * (octets - 100), ThreadName("c" * 40, "d" * 10))
        assert (_id_octets(plain) <= capsule.ID_OCTETS) is fits


def test_the_index_has_a_row_for_each_preset() -> None:
    """Under its usual name; for the one without a name, how to write it."""
    index = (_DOCS / "applications" / "README.md").read_text(encoding="utf-8")
    rows = [re.sub(r"[^a-z]", "", row.lower()) for row in re.findall(r"(?m)^\| \[?([A-Za-z]+)", index)]
    assert set(PRESETS) - {"generic"} <= set(rows)
    assert '`application = "generic"`' in index
