"""docs/applications: each page says what the preset of its application says, and its lines are a configuration."""

import re
from pathlib import Path

import pytest

from reply_milter import config
from reply_milter.core.mail.domain import normalise
from reply_milter.core.native.forms import FORMS
from reply_milter.core.native.verification import LinesFile
from reply_milter.core.wrapping.presets import PRESETS, Preset, ThreadFrom
from tests.support.switching import STEPS, steps

_FOLDER = Path(__file__).parents[2] / "docs" / "applications"
_PAGES = ["gitea", "forgejo", "gitlab", "discourse", "moodle", "zulip", "chatwoot", "redmine"]
_SECTIONS = [
    "Lines of ours",
    "Settings of its own",
    "Where replies go",
    "Switching on",
    "What is taken off, and what leaks",
    "Without us",
]
_AROUND = """
realm = "test"
[address]
mint_domain = "reply.example.com"
[sign]
socket = "unix:/run/sign.sock"
[[sign.application]]
name = "application"
handlers = ["{name}"]
logins = ["application@example.com"]
[delivery]
listen = "unix:/run/lmtp.sock"
"""


@pytest.fixture(params=_PAGES)
def preset(request: pytest.FixtureRequest) -> Preset:
    """That of a page."""
    return PRESETS[request.param]


def page(preset: Preset) -> str:
    """The page of an application."""
    return (_FOLDER / f"{preset.name}.md").read_text(encoding="utf-8")


def section(preset: Preset, heading: str) -> str:
    """What stands below one of its headings."""
    parts: dict[str, str] = dict(re.findall(r"(?m)^## (.*)\n((?:(?!## ).*\n?)*)", page(preset)))
    return parts[heading]


def lines_of_ours(preset: Preset) -> str:
    """The configuration on its page."""
    return "\n".join(re.findall(r"(?m)^ {4}(.*)$", section(preset, "Lines of ours")))


def test_the_index_names_each_page_and_each_is_of_a_preset() -> None:
    """In the order of the table; other pages may follow."""
    index = (_FOLDER / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"(?m)^\| \[.*?\]\((\w+)\.md\)", index)[: len(_PAGES)] == _PAGES
    assert {path.stem for path in _FOLDER.glob("*.md")} - {"README"} <= PRESETS.keys()


def test_all_pages_are_built_alike(preset: Preset) -> None:
    """So that an operator finds what another page has."""
    assert re.findall(r"(?m)^## (.*)$", page(preset)) == _SECTIONS


def test_the_lines_are_a_configuration(preset: Preset) -> None:
    """Of this application, in observe mode, with the destination that its preset names."""
    read = config.parse(_AROUND.format(name=preset.name) + lines_of_ours(preset))
    handler = read.handlers.named(preset.name)
    assert handler is not None and handler.wrap is not None
    assert handler.policy.observe
    assert handler.wrap.preset is preset
    assert handler.wrap.address.source == preset.address
    assert all(normalise(sender) == sender for sender in handler.wrap.senders)
    assert f'\ntype = "{preset.destination}"\n' in lines_of_ours(preset)


def test_the_page_names_the_form_of_the_key(preset: Preset) -> None:
    """Each, as the preset has it; or, where there is none, what names the thread."""
    said = section(preset, "Lines of ours")
    assert [form for form in preset.key.split() if f"`{form}`" not in said] == []
    assert ("no key" in said and "the thread" in said) is (preset.thread is not ThreadFrom.NOTHING)


def test_the_page_names_what_is_removed_and_what_leaks(preset: Preset) -> None:
    """Every field, and a line at least for each leak; one with its reports."""
    said = section(preset, "What is taken off, and what leaks")
    assert [name for name in (*preset.remove, *preset.keeps_key_in) if name not in said] == []
    assert len(re.findall(r"(?m)^\* ", said)) >= max(len(preset.leaks), 1)
    prefix = preset.address.partition("{key}")[0]
    assert [one for one in preset.bounces if one.format(prefix=prefix) not in page(preset)] == []


def test_the_page_says_how_to_switch_on(preset: Preset) -> None:
    """Observe, pass until a date that the configuration takes, refuse; where its addresses can be verified, that."""
    said = section(preset, "Switching on")
    usual = ["Observe", "Pass until", "Refuse"]
    assert re.findall(r"(?m)^\d\. \*([^*]+)\*", said) == (list(STEPS) if preset.name in FORMS else usual)
    (line,) = re.findall(r'`(native = "[^"]+")`', said)
    text = lines_of_ours(preset).replace('mode = "observe"', 'mode = "enforce"')
    read = config.parse(_AROUND.format(name=preset.name) + text.replace("\nfrom = ", f"\n{line}\nfrom = "))
    handler = read.handlers.named(preset.name)
    assert handler is not None and handler.wrap is not None
    assert handler.wrap.native_passes_until == 1801353600  # 2027-01-31 in UTC
    assert not handler.policy.observe


@pytest.mark.parametrize("name", sorted(FORMS))
def test_each_step_is_a_configuration(name: str) -> None:
    """That says what the step is called, and names what to look at, and the way back."""
    source = f"/var/lib/reply-milter/native/{name}.jsonl"
    before, mark, after = lines_of_ours(PRESETS[name]).partition("[handler.delivery]")
    said = []
    for step in steps(name):
        before = step.apply(before, source)
        read = config.parse(_AROUND.format(name=name) + before + mark + after)
        handler = read.handlers.named(name)
        assert handler is not None and handler.wrap is not None
        verification, at = handler.wrap.verification, handler.wrap.native_passes_until
        if verification is not None:
            assert (verification.form.name, verification.source) == (name, LinesFile(source))
        said.append((handler.policy.observe, verification is not None, handler.wrap.outward, at))
        assert "Back: " in step.text and f'handler="{name}"' in step.text
    assert said == [(True, True, True, 0), (False, True, False, 0), (False, True, True, 0), (False, False, True, 0)]


@pytest.mark.parametrize("name", sorted(FORMS))
def test_what_the_page_offers_for_other_authors_is_a_configuration(name: str) -> None:
    """In the table that the page names."""
    assert "`bind_sender = false` into the `[[handler]]`" in " ".join(page(PRESETS[name]).split())
    text = lines_of_ours(PRESETS[name]).replace('context = "wrapped"', 'context = "wrapped"\nbind_sender = false')
    handler = config.parse(_AROUND.format(name=name) + text).handlers.named(name)
    assert handler is not None and handler.wrap is not None and not handler.wrap.bind_sender


@pytest.mark.parametrize("name", sorted(FORMS))
def test_metrics_that_a_page_names_are_there(name: str) -> None:
    """With labels that docs/monitoring.md has."""
    monitoring = (_FOLDER.parent / "monitoring.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"(?m)^\| `(reply_milter_\w+)` \| (.*)$", monitoring))
    text = section(PRESETS[name], "Switching on")
    named = re.findall(r"`(reply_milter_\w+)(?:\{([^}]*)\})?`", text)
    assert len(named) >= 6
    for metric, labels in named:
        for label, value in re.findall(r'(\w+)="(\w+)"', labels):
            assert f"`{label}`" in rows[metric] and (label == "handler" or value in rows[metric]), (metric, label)


def test_settings_that_the_preset_names_are_on_the_page(preset: Preset) -> None:
    """Each word of theirs that looks like a setting's name."""
    named = re.findall(r"\b(?:[a-z]+_[a-z_]+|[A-Z]+_[A-Z_]+|\[[a-z.]+\])", " ".join(preset.settings))
    assert [name for name in named if name not in page(preset)] == []
