"""What ``doctor`` examines of the sources by which native addresses are verified."""

from collections.abc import Iterator

from reply_milter.adapters.native_sources.survey import query_problem, survey_lines
from reply_milter.adapters.os import file_facts
from reply_milter.adapters.os.as_account import told_as
from reply_milter.adapters.os.clock import WallClock
from reply_milter.core.diagnosis import native
from reply_milter.core.diagnosis.files import Account
from reply_milter.core.diagnosis.problem import Problem
from reply_milter.core.native.verification import LinesFile, Verification
from reply_milter.core.verdict.handler import Handlers


def verifications(handlers: Handlers) -> Iterator[tuple[str, Verification]]:
    """Yield how each handler verifies native addresses, with its name."""
    for handler in handlers.wrapped:
        if handler.wrap is not None and handler.wrap.verification is not None:
            yield handler.name, handler.wrap.verification


def examine_sources(handlers: Handlers, account: Account | None) -> Iterator[Problem]:
    """Examine each source; ``account`` is the daemon's, if known."""
    for name, how in verifications(handlers):
        path = how.source.path
        found = native.SourceFacts(name, file_facts.to_read(path), file_facts.parents(path), _survey(how, account))
        yield from native.examine(found, account, WallClock().now())


def _survey(how: Verification, account: Account | None) -> native.Survey:
    source = how.source
    if isinstance(source, LinesFile):
        return survey_lines(source.path)
    problem = told_as(account, lambda: query_problem(source, how.form.blank))
    return native.Survey(problems=(problem,) if problem else ())
