"""Lua scripts: sent by the name that Redis knows them by, and whole where it has forgotten them."""

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from reply_milter.adapters.redis_store.link.errors import NoScriptError
from reply_milter.adapters.redis_store.link.operation import Command, Operation

Argument = str | bytes | int


class Script:
    """The script ``NAME.lua`` beside the modules of ``package``. It works on one key."""

    def __init__(self, package: str, name: str) -> None:
        self._text = files(package).joinpath(f"{name}.lua").read_bytes()
        self._sha = hashlib.sha1(self._text, usedforsecurity=False).hexdigest()

    def run(self, call: Operation, key: str, *arguments: Argument) -> Any:
        """Run it once; what it returns."""
        return self.run_behind(call, (), key, *arguments)[0]

    def run_behind(self, call: Operation, reads: Sequence[Command], key: str, *arguments: Argument) -> list[Any]:
        """Run it once, behind ``reads`` and in one go with them; all answers, its own last.

        Whatever is to be sent again is so with the reads: they may be.
        """
        try:
            return call(*reads, ("EVALSHA", self._sha, 1, key, *arguments))
        except NoScriptError:  # it was not run, so sending it whole is no second time
            return call(*reads, ("EVAL", self._text, 1, key, *arguments))

    def run_each(self, call: Operation, runs: Sequence[tuple[Argument, ...]]) -> list[Any]:
        """Run it in one go for each of ``runs``, a key and its arguments.

        Only for scripts that may run twice: Redis can forget them in the midst of it.
        """
        commands = [("EVALSHA", self._sha, 1, *run) for run in runs]
        try:
            return call(*commands)
        except NoScriptError:  # whole for each: in a Cluster, they go to several servers
            return call(*(("EVAL", self._text, 1, *run) for run in runs))
