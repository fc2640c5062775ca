"""Everything that shall go wrong in a sandbox, and how its servers tell who calls: in one object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sandbox.wire.callers import Callers, Peer
from sandbox.wire.calls import Call
from sandbox.wire.function_faults import FunctionFault, FunctionPlan, undisturbed_function
from sandbox.wire.orders import UNDISTURBED, Orders, Plan, undisturbed


def ordered(plan: Plan, peer: Peer, service: str, operation: str, resource: str) -> Orders:
    """Ask ``plan`` about a request that has arrived; the caller is looked up only for a plan that may want to know."""
    if plan is undisturbed:
        return UNDISTURBED
    return plan(Call(service, operation, resource, peer.caller))


class Disturbance:
    """``plan`` for the servers and ``function_plan`` for the functions' host, which knows functions by AWS's names.

    ``name_of`` turns AWS's name of a function into its handler's folder. Servers start before there are functions:
    ``watch`` tells, later, where their processes are to be found; until then every caller is nobody.
    """

    def __init__(
        self,
        plan: Plan = undisturbed,
        function_plan: FunctionPlan = undisturbed_function,
        name_of: Callable[[str], str] = str,
    ) -> None:
        self.plan = plan
        self.name_of = name_of
        self.callers = Callers(self._processes, name_of)
        self._function_plan = function_plan
        self._pids: Callable[[], Mapping[str, Sequence[int]]] = dict

    def watch(self, pids: Callable[[], Mapping[str, Sequence[int]]]) -> None:
        """From now on look for callers among these processes, by AWS's names of their functions."""
        self._pids = pids

    def function_plan(self, function: str) -> FunctionFault | None:
        """Return what befalls this invocation of a function, given by AWS's name."""
        return self._function_plan(self.name_of(function))

    def _processes(self) -> Mapping[str, Sequence[int]]:
        return self._pids()
