"""What speaks the milter protocol in a test that does not say so itself: REPLY_MILTER_ENGINE, else the default."""

import os

from reply_milter.config.verify import Engine

ENGINES = tuple(engine.value for engine in Engine)
ENGINE = os.environ.get("REPLY_MILTER_ENGINE", Engine.PYMILTER.value)
