"""The fragments of contrib/postfix define and name no setting that we would not know as ours."""

import re
from pathlib import Path

from reply_milter.core.attachment.names import SERVICES, is_ours
from reply_milter.core.attachment.wanted import service_lines
from reply_milter.core.diagnosis.postfix import syntax

_FRAGMENTS = sorted((Path(__file__).parents[4] / "contrib/postfix").glob("*.cf"))
# Names of other milters, which stay when we go; and macros of pipe(8).
_OTHERS = {"opendkim_milter", "opendmarc_milter", "sender", "original_recipient"}


def test_every_name_of_the_fragments_is_known() -> None:
    """What one defines that Postfix does not know, and what one refers to."""
    named = set()
    for path in _FRAGMENTS:
        text = path.read_text()
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        named |= set(re.findall(r"\$[({]?([a-z_]+)", "\n".join(lines)))
        if path.name.endswith(".main.cf"):
            named |= {name for name, _ in syntax.entries(text) if name.startswith("reply")}
    assert len(named) > 12
    assert {name for name in named - _OTHERS if not is_ours(name)} == set()


def test_every_service_of_the_fragments_is_known() -> None:
    """Ours by name, a submission service, or the smtpd of layout 2."""
    services = {
        "/".join(line.split()[:2])
        for path in _FRAGMENTS
        if "master" in path.name
        for line in service_lines(path.read_text())
    }
    assert services == {*SERVICES, "submission/inet", "192.0.2.25:smtp/inet"}
