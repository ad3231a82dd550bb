"""What ``doctor`` examines of the sources by which native addresses are verified."""

import json
from collections.abc import Iterator
from dataclasses import asdict

from reply_milter.adapters.native_sources.survey import survey_lines, survey_query
from reply_milter.adapters.os import file_facts
from reply_milter.adapters.os.as_account import told_as
from reply_milter.adapters.os.clock import WallClock
from reply_milter.core.diagnosis import native
from reply_milter.core.diagnosis.files import Account
from reply_milter.core.diagnosis.problem import Problem
from reply_milter.core.native.verification import LinesFile, Verification
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.wrapping.wrap import Wrap


def verifications(handlers: Handlers) -> Iterator[tuple[str, Wrap, Verification]]:
    """Yield how each handler verifies native addresses, with its name and its table ``[handler.wrap]``."""
    for handler in handlers.wrapped:
        if handler.wrap is not None and handler.wrap.verification is not None:
            yield handler.name, handler.wrap, handler.wrap.verification


def examine_sources(handlers: Handlers, account: Account | None) -> Iterator[Problem]:
    """Examine each source; ``account`` is the daemon's, if known."""
    for name, wrap, how in verifications(handlers):
        path, survey = how.source.path, _survey(how, account)
        file, parents = file_facts.to_read(path), file_facts.parents(path)
        found = native.SourceFacts(name, file, parents, survey, wrap.bind_sender)
        yield from native.examine(found, account, WallClock().now())


def _survey(how: Verification, account: Account | None) -> native.Survey:
    source = how.source
    if isinstance(source, LinesFile):
        return survey_lines(source.path)
    told = told_as(account, lambda: json.dumps(asdict(survey_query(source, how.form.blank))))
    if not told.startswith("{"):
        return native.Survey(problems=(told,))
    found = json.loads(told)
    return native.Survey(**{**found, "problems": tuple(found["problems"])})
