"""What comes with an installation: known by name, pinned, free to be passed on; and an audit that never pretends."""

import json
import re
from importlib import metadata

import pytest

from tests.support import run_dependencies
from tools import audit

# Each is here on purpose: whoever adds one has looked at its age, upkeep and licence (docs/adr/0001-libraries.md).
DIRECT = {
    "pymilter", "cryptography", "redis", "hiredis", "prometheus-client", "idna", "authres", "publicsuffixlist", "tqdm",
    "aiosmtpd", "aiohttp", "yarl",
}  # fmt: skip
BROUGHT_ALONG = {
    "cryptography": {"cffi", "pycparser", "typing-extensions"},
    "redis": {"async-timeout"},
    "aiosmtpd": {"atpublic", "attrs"},
    "aiohttp": {"aiohappyeyeballs", "aiosignal", "attrs", "frozenlist", "multidict", "propcache", "typing-extensions"},
}
OPTIONAL = {"imapclient"}  # the extra [imap], which the Debian package has
# All of these may be passed on with a program under the GPL, version 2 or later. Apache-2.0 goes with its version 3.
LICENCES = {
    "Apache-2.0", "Apache 2", "Apache 2.0", "BSD-2-Clause", "BSD-3-Clause", "GPL", "GPL-2.0-or-later", "MIT", "MIT-0",
    "MPL-2.0", "PSF-2.0",
}  # fmt: skip
IN_THEIR_FILES = {"imapclient": "BSD-3-Clause"}  # its metadata names only the file COPYING
INSTALLED = run_dependencies.installed()


def test_only_what_was_chosen_comes_with_an_installation() -> None:
    """No unreviewed dependency, and no unneeded line here."""
    along = {name for names in BROUGHT_ALONG.values() for name in names}
    spare = {"typing-extensions", "async-timeout"}  # of older Pythons alone
    assert INSTALLED.keys() - DIRECT - OPTIONAL - along == set()
    assert (DIRECT | OPTIONAL | along) - spare - INSTALLED.keys() == set()


def test_what_we_ask_for_is_on_the_list() -> None:
    """pyproject.toml itself, as it was installed."""
    asked = {
        re.split(r"[^A-Za-z0-9-]", line)[0] for line in metadata.requires("reply-milter") or () if "extra" not in line
    }
    assert asked == DIRECT


@pytest.mark.parametrize("name", sorted(INSTALLED))
def test_each_is_pinned_and_the_pin_is_what_is_tested(name: str) -> None:
    """``make deb`` and ``make`` install under constraints.txt: a release with a trap in it doesn't slip in."""
    assert run_dependencies.pins().get(name) == INSTALLED[name].version


@pytest.mark.parametrize("name", sorted(INSTALLED))
def test_each_may_be_passed_on(name: str) -> None:
    """The Debian package holds them all."""
    told = INSTALLED[name].metadata.json
    licence = str(told.get("license_expression") or told.get("license") or IN_THEIR_FILES.get(name, ""))
    named = re.split(r" (?:AND|OR) ", licence)
    assert named and set(named) <= LICENCES, licence


# --- make audit


def _answer(**found: list[dict[str, object]] | None) -> str:
    """pip-audit's JSON: vulnerabilities by package, None for one that could not be asked about."""
    return json.dumps(
        {
            "dependencies": [
                {"name": name, "skip_reason": "not found"} if vulns is None else {"name": name, "vulns": vulns}
                for name, vulns in found.items()
            ]
        }
    )


_KNOWN: list[dict[str, object]] = [{"id": "CVE-2014-1402", "fix_versions": ["2.7.2"]}]


def test_no_vulnerability_is_one_answer() -> None:
    """Every package is answered for, and the control is found."""
    assert audit.judge(_answer(idna=[], jinja2=_KNOWN), {"idna": "3.20"}) == audit.Outcome()


def test_a_vulnerability_is_reported_with_its_cure() -> None:
    """One line each."""
    outcome = audit.judge(
        _answer(idna=[{"id": "CVE-2024-3651", "fix_versions": ["3.7"]}], jinja2=_KNOWN), {"idna": "3"}
    )
    assert outcome.vulnerable == ["idna: CVE-2024-3651, fixed in ['3.7']"] and not outcome.why


@pytest.mark.parametrize(
    "answer",
    [
        "", "null", "{}", "Traceback", _answer(idna=None, jinja2=_KNOWN), _answer(jinja2=_KNOWN), _answer(idna=[]),
        _answer(idna=[], jinja2=[]), _answer(idna=[], jinja2=None), '{"dependencies": [], "fixes": []}',
    ],
)  # fmt: skip
def test_what_is_no_answer_is_never_taken_for_a_good_one(answer: str) -> None:
    """No network, a registry that has no such pages, a mirror without vulnerabilities."""
    assert audit.judge(answer, {"idna": "3.20"}).why


def test_an_audit_that_could_ask_nobody_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With words that say so."""
    monkeypatch.setattr(audit, "_ask", lambda _service, versions: _answer(**dict.fromkeys(versions)))
    assert audit.main() == 2
    assert "NOT DONE" in capsys.readouterr().err
