"""What a source says as a whole: read once, for who examines an installation."""

import os
from typing import Final

from reply_milter.adapters.native_sources.database import DatabaseSource
from reply_milter.adapters.native_sources.lines import lines_in, misfit
from reply_milter.core.diagnosis.native import Survey
from reply_milter.core.native.forms import Named
from reply_milter.core.native.known import DataLine, UserLine
from reply_milter.core.native.verification import Query
from reply_milter.files import without_waiting
from reply_milter.ports.native_source import SourceUnavailableError

_MOST: Final = 10  # wrong lines that are told


def survey_lines(path: str) -> Survey:
    """Read a whole file of JSON lines. Says nothing about a file that is missing or can't be read."""
    users, data, problems, wrong_lines = set[int](), set[tuple[int, int]](), list[str](), 0
    unbound = set[int]()
    try:
        with open(path, encoding="utf-8", opener=without_waiting) as file:
            wrong = misfit(os.fstat(file.fileno()))
            if wrong:
                return Survey(0, 0, (wrong,))
            for number, line in lines_in(file):
                match line:
                    case UserLine(user, known):
                        users.add(user)
                        if not known.addresses and not known.disabled:
                            unbound.add(user)
                    case DataLine(handler, of):
                        data.add((handler, of))
                    case problem:
                        wrong_lines += 1
                        problems += [f"line {number} {problem}"] if wrong_lines <= _MOST else []
    except OSError:
        return Survey(0, 0)
    except UnicodeDecodeError:
        return Survey(0, 0, ("is not UTF-8 text",))
    more = [f"{wrong_lines - _MOST} more lines are wrong"] if wrong_lines > _MOST else []
    return Survey(len(users), len(data), (*problems, *more), len(unbound))


def survey_query(query: Query, named: Named) -> Survey:
    """Ask a database for somebody, who may be unknown to it; say why there was no answer, or what it tells."""
    try:
        columns = DatabaseSource(query.path, query.sql).answered(named).columns
    except SourceUnavailableError as error:
        return Survey(problems=(str(error),))
    return Survey(tells_addresses="address" in columns)
