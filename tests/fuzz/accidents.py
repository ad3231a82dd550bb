"""A log that must stay empty of exceptions while a fuzzer's input is handled."""

import logging


class no_accidents(logging.Handler):  # noqa: N801 # a context
    """Raises what is otherwise logged, and answered with 451."""

    def __enter__(self) -> None:
        logging.getLogger("reply_milter").addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("reply_milter").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            raise AssertionError(record.getMessage()) from record.exc_info[1]
