"""What speaks the milter protocol in a test that does not say so itself: REPLY_MILTER_ENGINE, else the default."""

import os
from pathlib import Path

from reply_milter.config.verify import Engine

ENGINES = tuple(engine.value for engine in Engine)
ENGINE = os.environ.get("REPLY_MILTER_ENGINE", Engine.PYMILTER.value)
_LINE = f'engine = "{Engine.PYMILTER.value}"'  # as ``init`` writes it


def named(text: str) -> str:
    """Return a configuration with the engine named, where it is not the default."""
    if Engine.PYMILTER.value == ENGINE:
        return text
    if "\nengine = " in text:
        return text.replace(_LINE, f'engine = "{ENGINE}"')
    return text.replace("[verify]\n", f'[verify]\nengine = "{ENGINE}"\n', 1)


def put_into(config: Path) -> None:
    """Name the engine in a configuration file, where it is not the default."""
    text = config.read_text()
    if named(text) != text:
        config.write_text(named(text))
