"""``[handler.verify]``: how an application's own addresses are verified, and who knows its users."""

import re

from reply_milter.core.encoding.toml_table import Table, between, one_of
from reply_milter.core.native.forms import FORMS
from reply_milter.core.native.verification import CanaryUser, LinesFile, Query, Verification

_SOURCE = re.compile(r"(file|sqlite):(/[^\0\n]{1,4000})")
_HOW = '"file:/PATH" (a JSON object a line) or "sqlite:/PATH", with an absolute path'
_number = between(1, (1 << 63) - 1)
_PARAMETERS = re.compile(r":[a-z]+")
_OF_MOODLE = frozenset({":user", ":handler", ":data"})


def read_verification(table: Table) -> Verification | None:
    """Read ``[handler.verify]``; None where it can't be used, which is noted."""
    form = FORMS.get(table.need("type", "", one_of(*FORMS)))
    written = table.need("source", "", _source)
    sql = table.take("query", "")
    found = _SOURCE.fullmatch(written)
    kind, path = (found[1], found[2]) if found else ("", "")
    if kind == "sqlite" and not table.has_problem("query"):
        problem = _query(sql, form.name if form else "")
        if problem:
            table.problem("query", problem)
    elif sql and kind == "file":
        table.problem("query", 'is for a source "sqlite:/PATH"; a file needs none')
    canary = _canary(table, form.name if form else "")
    table.unknown()
    if form is None or not path or table.has_problem("query"):
        return None
    return Verification(form, Query(path, sql) if kind == "sqlite" else LinesFile(path), canary)


def _canary(table: Table, form: str) -> CanaryUser | None:
    """Read whose address the canary answers; None where none is sent."""
    user = table.take("canary_user", 0, _number)
    handler, data = table.take("canary_handler", 0, _number), table.take("canary_data", 0, _number)
    for key, value in (("canary_handler", handler), ("canary_data", data)):
        if value and form not in ("", "moodle"):
            table.problem(key, "is for Moodle")
    if form == "moodle" and len({bool(user), bool(handler), bool(data)}) > 1:
        table.problem("canary_user", "needs canary_handler and canary_data, and they need it: a data key of Moodle's")
    return CanaryUser(user, handler, data) if user else None


def _source(text: str) -> str | None:
    found = _SOURCE.fullmatch(text)
    return None if found else f"must be {_HOW}"


def _query(sql: str, form: str) -> str:
    """What is wrong with a query; empty for nothing."""
    if not sql:
        return 'is missing: a source "sqlite:/PATH" needs a SELECT of the columns secret, address and disabled'
    if not sql.lstrip().lower().startswith(("select", "with")):
        return "must be one SELECT"
    used = set(_PARAMETERS.findall(sql))
    allowed = _OF_MOODLE if form == "moodle" else frozenset({":user"})
    if ":user" not in used or used - allowed:
        return f"must use :user{'' if form != 'moodle' else ', :handler and :data'}, and no other parameters"
    return ""
