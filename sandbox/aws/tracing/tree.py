"""What a run did, as one tree: execution, states and child executions, invocations, subsegments."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sandbox.aws.functions.api import Invoked
from sandbox.aws.tracing.invocations import InvocationNodes
from sandbox.aws.tracing.node import Kind, Node, slowest
from sandbox.aws.tracing.render import lines
from sandbox.aws.tracing.segments import Segment

SHOWN_MEDIA = 20
"""Media whose trace is printed; the slowest."""
SHOWN_IN_JSON = 1_000


class StateVisit(Protocol):
    """What the tree needs of a record of a visited state."""

    execution_arn: str
    parent_map: str | None
    state_name: str
    state_type: str
    entered_at: str
    exited_at: str | None
    iteration: str | None
    error: str | None
    attempts: int
    input: Any


@dataclass(frozen=True, slots=True)
class Tree:
    """The executions of a run, parents only (children are below their Map).

    ``astray`` counts subsegments whose invocation is not known: it was killed before it could tell, or they got lost.
    """

    executions: tuple[Node, ...]
    astray: int = 0

    def lines(self, limit: int = SHOWN_MEDIA) -> list[str]:
        """Return the tree as text; of each Map's children the ``limit`` slowest, and how many are not shown."""
        shown = [line for node in self.executions for line in lines(node, lambda each: _shown(each, limit))]
        return [*shown, f"{self.astray} subsegments have no known parent"] if self.astray else shown

    def as_json(self, limit: int = SHOWN_IN_JSON) -> dict[str, Any]:
        """Return the tree as plain JSON data, limited in the same way (``not_shown`` says how many are left out)."""
        executions = [node.as_json(lambda each: _shown(each, limit)) for node in self.executions]
        return {"executions": executions, "astray": self.astray}


def trace_tree(
    records: Iterable[StateVisit],
    segments: Sequence[Segment],
    invocations: Iterable[Invoked],
    names: Mapping[str, str] | None = None,
) -> Tree:
    """Join what the engine, the functions' host and the functions say of one run.

    ``records`` are the run's, children included, in the order of entry; ``segments`` and ``invocations`` may be those
    of the whole account. ``names`` gives functions the names that people call them by.
    """
    by_execution: dict[str, list[StateVisit]] = defaultdict(list)
    for record in records:
        by_execution[record.execution_arn].append(record)
    nodes = InvocationNodes(segments, invocations, names or {}, set(by_execution))
    parents, children = [], defaultdict(list)
    for visits in by_execution.values():
        execution, maps = _execution(visits, nodes)
        if visits[0].parent_map is None:
            parents.append((execution, maps))
        else:
            children[visits[0].parent_map].append(execution)
    for map_run, found in children.items():
        _hang(map_run, found, [state for _, maps in parents for state in maps])
    return Tree(tuple(execution for execution, _ in parents), nodes.astray())


def _execution(visits: Sequence[StateVisit], nodes: InvocationNodes) -> tuple[Node, list[Node]]:
    """Return an execution's node and those of its Map states, each of which may have child executions."""
    first = visits[0]
    last = [visit for visit in visits if visit.iteration is None][-1]
    ends = [_moment(visit.exited_at) for visit in visits if visit.exited_at is not None]
    ended = len(ends) == len(visits)
    end = max(ends) if ended else None
    execution = Node(Kind.EXECUTION, _label(first), _moment(first.entered_at), end, last.error or "")
    execution.facts["arn"] = first.execution_arn
    outer: dict[str, Node] = {}
    for visit, until in zip(visits, _next_visits(visits), strict=True):
        state = _state(visit, until, nodes)
        if visit.iteration is None:
            execution.children.append(state)
        else:
            name, _, _ = visit.iteration.rpartition("[")
            outer.get(name, execution).children.append(state)
        if visit.state_type == "Map":
            outer[visit.state_name] = state
    return execution, list(outer.values())


def _next_visits(visits: Sequence[StateVisit]) -> list[float]:
    """Return for each visit when the same state was entered again."""
    again: dict[tuple[str, str | None], float] = {}
    found = []
    for visit in reversed(visits):
        place = visit.state_name, visit.iteration
        found.append(again.get(place, math.inf))
        again[place] = _moment(visit.entered_at)
    return found[::-1]


def _state(visit: StateVisit, until: float, nodes: InvocationNodes) -> Node:
    end = None if visit.exited_at is None else _moment(visit.exited_at)
    name = visit.state_name if visit.iteration is None else f"{visit.state_name} ({visit.iteration})"
    node = Node(Kind.STATE, name, _moment(visit.entered_at), end, visit.error or "")
    node.facts = {"type": visit.state_type} | ({"attempts": visit.attempts} if visit.attempts > 1 else {})
    node.children = nodes.of_state(visit.execution_arn, visit.state_name, visit.iteration, node.start, until)
    return node


def _hang(map_run: str, found: list[Node], maps: list[Node]) -> None:
    """Put a Map Run's executions below its state: the name is in the Map Run's ARN, unless the Map has a label."""
    label = map_run.rpartition(":")[0].rpartition("/")[2]
    start = min(child.start for child in found)
    around = [state for state in maps if state.start <= start and (state.end is None or start <= state.end)]
    named = [state for state in around if state.name == label]
    for state in (named or around)[-1:]:
        state.children.extend(sorted(found, key=lambda child: child.start))


def _label(visit: StateVisit) -> str:
    """Call a child by its medium, a parent by its own name."""
    given = visit.input if isinstance(visit.input, Mapping) else {}
    if visit.parent_map is not None and given.get("media_id"):
        return " ".join(str(given[name]) for name in ("media_id", "filename") if given.get(name))
    return visit.execution_arn.rpartition(":")[2]


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _shown(node: Node, limit: int) -> tuple[list[Node], int]:
    executions = [child for child in node.children if child.kind is Kind.EXECUTION]
    if len(executions) <= limit:
        return node.children, 0
    kept = slowest(executions, limit)
    others = [child for child in node.children if child.kind is not Kind.EXECUTION]
    return [*others, *kept], len(executions) - limit
