"""A trace tree as lines for people."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Iterator
from itertools import groupby

from sandbox.aws.tracing.node import Kind, Node, slowest

_INDENT = "  "
_ALIKE = 5
"""Subsegments that differ only in the number at their end are shown one by one up to this many."""
_SHOWN_OF_ALIKE = 2
_NUMBER = re.compile(r"(?<=_)\d+$")


def lines(node: Node, shown: Callable[[Node], tuple[list[Node], int]], depth: int = 0) -> Iterator[str]:
    """Yield the node's line and those below it."""
    yield f"{_INDENT * depth}{_line(node)}"
    children, hidden = shown(node)
    for name, alike in groupby(children, key=_stem):
        yield from _group(name, list(alike), shown, depth + 1)
    if hidden:
        yield f"{_INDENT * (depth + 1)}... {hidden} more media, each faster than these"


def _stem(node: Node) -> str:
    return _NUMBER.sub("N", node.name) if node.kind is Kind.SUBSEGMENT else ""


def _group(name: str, alike: list[Node], shown: Callable[[Node], tuple[list[Node], int]], depth: int) -> Iterator[str]:
    if not name or len(alike) <= _ALIKE:
        for node in alike:
            yield from lines(node, shown, depth)
        return
    ended = [node.ms for node in alike if node.ms is not None]
    failed = sum(1 for node in alike if node.error)
    numbers = f"median {_ms(statistics.median(ended))}, slowest {_ms(max(ended))}" if ended else "none ended"
    errors = f", {failed} with errors" if failed else ""
    yield f"{_INDENT * depth}{name}: {len(alike)} times, {numbers}{errors}; the slowest:"
    for node in slowest(alike, _SHOWN_OF_ALIKE):
        yield from lines(node, shown, depth + 1)


def _line(node: Node) -> str:
    marks = ["cold" if node.cold else "", str(node.facts.get("namespace", "")), _status(node)]
    peak = node.facts.get("peak_mb")
    marks.append(f"{peak:.0f} MB" if peak else "")
    described = ", ".join(mark for mark in (_ms(node.ms), *marks) if mark)
    error = f"  ERROR {node.error}" if node.error else ""
    return f"{node.kind.value} {node.name}  {described}{error}"


def _status(node: Node) -> str:
    status = node.facts.get("http_status")
    return f"HTTP {status}" if status else ""


def _ms(value: float | None) -> str:
    if value is None:
        return "never ended"
    return f"{value / 1000:.2f} s" if value >= 10_000 else f"{value:.0f} ms"
