"""What is known of each application, held against addresses and headers that it made."""

import re

import pytest

from reply_milter.config.destinations import KINDS
from reply_milter.core.wrapping.pattern import Pattern, glob, parse
from reply_milter.core.wrapping.presets import PRESETS, Preset, ThreadFrom
from reply_text.syntax.mailbox import mailboxes

_FORMS = {
    name: parse(preset.address, preset.key, preset.case_matters)
    for name, preset in PRESETS.items()
    if name != "generic"
}
_HEX = "0123456789abcdef0123456789abcdef"

# As the applications make them: of their own code where it was run, else of their source.
_GENUINE = {
    "gitea": [
        "AEBQIAACBUFAACVCHL2KT4ZFEODMDIBABIAB2BYEAD6OBNQFCQBQMAABCAFAADIBAMDAAAIHAQAPYA4KS7FA",
        "AEBQIAACBUFAACWFDO4WCDAXYPPXRJI7BIABYBYEAD6PRRAEYYBQMAACB4FAADABAMDAAAAGAQAP2AI5SY",
    ],
    "forgejo": ["AIBQIAACCMFAAECFBHJNDXIEEUC32J77D5LPJIKWDYFAAGYHAQAPZ327CCRAGBQAAIHAUAALAEBQMAABAUCAB7QOTI"],
    "gitlab": [_HEX, "1-0f0tq2w3e4r5t6y7u8i9o0p1a", "zz-0f0tq2w3e4r5t6y7u8i9o0p1a-4x"],
    "discourse": [_HEX],
    "moodle": ["AAAAAAAAAAEAAAAAAAAAAQAAAAAAAAABMO3tRViSNYBn7QjP", "AAAAAIAAAAAAAAEAAAAAAAAAAAIAAAAAsVWi69+zQcLbBTwx"],
    "zulip": [f"mm{_HEX}"],
    "chatwoot": ["f81d4fae-7dec-41d0-a765-00a0c91e6bf6"],
    "mailman": ["761497e980bcd4ed8460ad2879c51c9c21a53182"],
}


def test_every_application_has_one() -> None:
    """By its name."""
    named = "gitea forgejo gitlab discourse moodle zulip chatwoot mailman redmine roundup generic"
    assert list(PRESETS) == named.split()
    assert all(name == preset.name for name, preset in PRESETS.items())


@pytest.mark.parametrize("name,key", [(name, key) for name, keys in _GENUINE.items() for key in keys])
def test_genuine_keys_have_the_form(name: str, key: str) -> None:
    """Whole, and in an address."""
    pattern = _FORMS[name]
    assert pattern.key_form.fullmatch(key)
    assert not pattern.key_form.fullmatch(key[:20])
    found = pattern.match(PRESETS[name].address.replace("{key}", key).replace("{any}", "dev"))
    assert found is not None
    assert found.key == key


def test_every_preset_with_keys_was_tried() -> None:
    """And the others name a thread."""
    assert _GENUINE.keys() == {name for name, pattern in _FORMS.items() if pattern.has_key}
    for name, pattern in _FORMS.items():
        assert pattern.has_key == (PRESETS[name].thread is ThreadFrom.NOTHING)


@pytest.mark.parametrize(
    "name,identifier",
    [
        ("gitea", "owner/repo/issues/7/comment/12@git.example.com"),
        ("gitlab", "note_1234567890@gitlab.example.com"),
        ("gitlab", "f81d4fae-7dec-41d0-a765-00a0c91e6bf6@client.example"),
        ("discourse", "discourse/post/12345678@discourse.example.com"),
        ("mailman", "179589252222.20733.12794035629657191818@localhost"),
    ],
)
def test_ids_without_a_key_are_left_alone(name: str, identifier: str) -> None:
    """Those of the application itself, and those that mail programs make."""
    assert not _FORMS[name].key_form.finds_in(identifier)


@pytest.mark.parametrize(
    "name,subject,tag",
    [
        ("redmine", "[Demo - Bug #1] (New) Printer does not print", "[Demo - Bug #1]"),
        ("redmine", "Re: [Demo - Bug #1] Printer", "[Demo - Bug #1]"),
        ("redmine", "Re: [Demo] Printer", None),
        ("roundup", "[issue1] Printer on floor 2 does not print", "[issue1]"),
        ("roundup", "Re: [tracker] Printer", None),
        ("roundup", f"Complete your registration to Tracker -- key {'aZ0_-' * 8}abc", f"-- key {'aZ0_-' * 8}abc"),
    ],
)
def test_tags_of_subjects(name: str, subject: str, tag: str | None) -> None:
    """As notifications have them."""
    found = re.search(PRESETS[name].tag, subject)
    assert (found and found[0]) == tag


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_every_preset_is_whole(preset: Preset) -> None:
    """Its address is one, its destination exists, its fields are field names, and it says what to look at."""
    assert mailboxes(preset.address.replace("{key}", "a").replace("{any}", "b"))
    assert preset.destination in {*KINDS, "smtp"}
    assert all(
        re.fullmatch(r"[A-Z][A-Za-z]*(-[A-Z][A-Za-z]*)*", name) for name in (*preset.remove, *preset.keeps_key_in)
    )
    assert preset.settings
    re.compile(preset.tag)


def test_bounces_are_no_keys() -> None:
    """What a preset lets in for delivery reports can't be what gives access."""
    bouncing = [(preset, bounce) for preset in PRESETS.values() for bounce in preset.bounces]
    assert bouncing
    for preset, bounce in bouncing:
        prefix, _, domain = preset.address.replace("{key}", "").rpartition("@")
        own: Pattern = _FORMS[preset.name]
        assert own.common_address(glob(f"{bounce.format(prefix=prefix)}@{domain}")) is None
