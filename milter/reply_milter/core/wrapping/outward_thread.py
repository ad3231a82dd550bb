"""The thread of a notification as its application names it, where the address has no key that does."""

import re

from reply_milter.core.mail import message_id
from reply_milter.core.wrapping.plain import ThreadName
from reply_milter.core.wrapping.presets import Preset, ThreadFrom
from reply_text import encoded_words
from reply_text.syntax import message_ids

_SUBJECT_CHARACTERS = 998  # that are looked at: an application writes its tag in front


def thread_of(preset: Preset, own_id: str, in_reply_to: str, subject: str) -> ThreadName | None:
    """The thread of a notification; None where nothing names it. ``own_id``: empty where the MTA made it up.

    ``in_reply_to``, ``subject``: values of the fields.
    """
    identifier = ""
    if preset.thread is not ThreadFrom.NOTHING:
        answered = usable_id(in_reply_to) if preset.thread is ThreadFrom.IN_REPLY_TO else ""
        identifier = answered or own_id
    shown = encoded_words.decode(subject)[:_SUBJECT_CHARACTERS]
    tag = re.search(preset.tag, shown) if preset.tag else None
    return ThreadName(identifier, tag[0] if tag else "") if identifier or tag else None


def usable_id(value: str) -> str:
    """The first id of a field that a reply could name, without brackets; empty where there is none."""
    ids = message_ids.identifiers(value, limit=1)
    return ids[0] if ids and message_id.is_usable(ids[0]) else ""
