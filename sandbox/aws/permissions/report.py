"""What the check has found, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ungranted:
    """A permission that ``principal`` used ``times`` times without having it; ``resource`` is the first of them."""

    principal: str
    action: str
    resource: str
    reason: str
    times: int = 1

    def __str__(self) -> str:
        more = f", {self.times} times" if self.times > 1 else ""
        return (
            f"{self.principal} called {self.action} on {self.resource}{more}, which is not granted to it"
            f" ({self.reason})"
        )


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """An action on a resource pattern, as a statement of ``principal``'s role has it; ``times`` it was used.

    ``alone`` of them nothing else granted the same: 0 of a used grant says that it could be left out.
    """

    principal: str
    action: str
    resource: str
    times: int = 0
    alone: int = 0

    def __str__(self) -> str:
        return f"{self.principal}: {self.action} on {self.resource}"


@dataclass(frozen=True, slots=True)
class PermissionReport:
    """``ungranted`` fails a run. ``unused`` grants need not be wrong: an abort or a resume may never have happened."""

    ungranted: tuple[Ungranted, ...]
    unused: tuple[Grant, ...]
    used: tuple[Grant, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON data."""
        return {
            "ungranted": [{**asdict(each), "sentence": str(each)} for each in self.ungranted],
            "unused": [asdict(each) for each in self.unused],
            "used": [asdict(each) for each in self.used],
        }

    def lines(self) -> list[str]:
        """Return short lines for a summary: every ungranted call, and for each principal its unused actions."""
        partly = {(grant.principal, grant.action) for grant in self.used}
        unused: dict[str, list[str]] = {}
        for grant in self.unused:
            where = f" on {_shortened(grant.resource)}" if (grant.principal, grant.action) in partly else ""
            unused.setdefault(grant.principal, []).append(grant.action + where)
        at_work = {grant.principal for grant in self.used}
        return [
            *(str(each) for each in self.ungranted),
            *(f"{name} did not use {_listed(actions)}" for name, actions in unused.items() if name in at_work),
            *(f"{name} used nothing of what it is granted" for name in unused if name not in at_work),
        ]


def _shortened(resource: str) -> str:
    """The last part of an ARN, which is what tells resources of one action apart."""
    return resource.rpartition(":")[2]


def _listed(actions: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(actions))
