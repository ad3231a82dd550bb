"""What speaks the milter protocol in a test that does not say so itself: REPLY_MILTER_ENGINE, else the default."""

import os
from pathlib import Path

from reply_milter.config.verify import Engine

ENGINES = tuple(engine.value for engine in Engine)
ENGINE = os.environ.get("REPLY_MILTER_ENGINE", Engine.PYMILTER.value)


def put_into(config: Path) -> None:
    """Name the engine in a configuration file, where it is not the default."""
    if Engine.PYMILTER.value == ENGINE:
        return
    text = config.read_text()
    if "\nengine = " in text:
        config.write_text(text.replace('engine = "pymilter"', f'engine = "{ENGINE}"'))
    else:
        config.write_text(text.replace("[verify]\n", f'[verify]\nengine = "{ENGINE}"\n', 1))
