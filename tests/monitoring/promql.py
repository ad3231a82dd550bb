"""PromQL, parsed: what a query asks for. On promql-parser, which reads what Prometheus 2.45 does."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import promql_parser as promql

# What Grafana puts in for its variables; a range of its own, to be found again.
RATE_INTERVAL = "7m"
_VARIABLES = {
    "$__rate_interval": RATE_INTERVAL,
    "$__range": "1h",
    "$job": ".+",
    "$instance": ".+",
    "$handler": ".*",
}


@dataclass(frozen=True)
class Selector:
    """One vector selector: its metric, and (label, operator, value) of its matchers."""

    name: str
    matchers: tuple[tuple[str, str, str], ...]

    def __str__(self) -> str:
        inside = ",".join(f'{label}{operator}"{value}"' for label, operator, value in self.matchers)
        return f"{self.name}{{{inside}}}"


@dataclass(frozen=True)
class Use:
    """A selector and what is around it, the outermost first: names of functions and aggregations, and ``[range]``."""

    selector: Selector
    around: tuple[str, ...]
    seconds: float  # of its range; 0 for none


def filled_in(expr: str, rate_interval: str = RATE_INTERVAL, whole_range: str = "1h") -> str:
    """``expr`` with values for Grafana's variables: everything that there is."""
    values = {**_VARIABLES, "$__rate_interval": rate_interval, "$__range": whole_range}
    for name, value in values.items():
        expr = expr.replace(name, value)
    assert "$" not in expr, f"an unknown variable: {expr}"
    return expr


def selectors(expr: str) -> list[Selector]:
    """All of them."""
    return [use.selector for use in uses(expr)]


def uses(expr: str) -> list[Use]:
    """All selectors of ``expr`` with their surroundings.

    Raises:
        ValueError: it is no PromQL.
    """
    return list(_walk(promql.parse(expr), ()))


def _walk(node: object, around: tuple[str, ...]) -> Iterator[Use]:
    match node:
        case promql.VectorSelector():
            yield Use(_selector(node), around, 0.0)
        case promql.MatrixSelector():
            yield Use(_selector(node.vector_selector), (*around, "[range]"), node.range.total_seconds())
        case promql.Call():
            for argument in node.args:
                yield from _walk(argument, (*around, node.func.name))
        case promql.AggregateExpr():
            yield from _walk(node.expr, (*around, "aggregate"))
        case promql.BinaryExpr():
            yield from _walk(node.lhs, around)
            yield from _walk(node.rhs, around)
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            yield from _walk(node.expr, around)
        case _:
            return  # a number, or a text


def _selector(node: promql.VectorSelector) -> Selector:
    found = re.findall(r'(\w+)(=~|!~|!=|=)"((?:[^"\\]|\\.)*)"', str(node.matchers))
    return Selector(node.name or "", tuple(found))
