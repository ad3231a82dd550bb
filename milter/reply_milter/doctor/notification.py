"""What ``doctor --application`` examines: one notification as its application sends it."""

from reply_milter import config as configuration
from reply_milter.adapters.os.clock import WallClock
from reply_milter.config import ConfigError
from reply_milter.core.diagnosis.application import Look, look_at
from reply_milter.core.diagnosis.application_rules import Sample
from reply_milter.wiring import loading
from reply_text.syntax import message_file


def examine_notification(path: str, message: bytes, sender: str) -> Look:
    """Examine a message under the configuration file ``path``. ``sender``: of its envelope; empty for unknown.

    Raises:
        ConfigError: the configuration has a mistake.
    """
    text = loading.read(path)
    try:
        config = configuration.parse(text)
    except ConfigError as mistake:
        raise ConfigError([f"{path}: {problem}" for problem in mistake.problems]) from mistake
    fields, _ = message_file.split(message)
    sent = tuple((name, value.removeprefix(" ")) for name, value in fields)
    return look_at(Sample(sent, message, sender), config.handlers, config.form, WallClock().now())
