"""Every word that a log line can have is explained to an operator."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest

from reply_milter.cli import decision_words as words
from reply_milter.core.seal.sealed_reply import Undeliverable
from reply_milter.core.verdict.reasons import Cause, Reason
from reply_milter.ports import Fate, Minting
from reply_milter.ports.delivery_telemetry import DeliveryEvent

TABLES: list[tuple[Mapping[Any, str], type[StrEnum]]] = [
    (words.FATES, Fate), (words.REASONS, Reason), (words.CAUSES, Cause), (words.NOTIFICATIONS, Minting),
    (words.DELIVERIES, DeliveryEvent), (words.DEAD_LETTERS, Undeliverable),
]  # fmt: skip


@pytest.mark.parametrize("table,kind", TABLES, ids=[kind.__name__ for _, kind in TABLES])
def test_each_word_is_explained_once(table: Mapping[Any, str], kind: type[StrEnum]) -> None:
    """A new one needs its sentence; no two have the same."""
    assert set(table) == set(kind)
    assert len(set(table.values())) == len(table)
    if kind is not Fate:
        assert [text for text in table.values() if not text.endswith((".", "?"))] == []
