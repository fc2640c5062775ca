"""What was verified, with the values that were seen."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

OK, WRONG, UNCHECKED = "ok", "WRONG", "not checked here"


class SmokeError(Exception):
    """The smoke test cannot begin or go on; the message is one line."""


@dataclass(frozen=True, slots=True)
class Check:
    """One sentence that should hold, whether it does, and what was seen."""

    sentence: str
    outcome: str
    seen: str


@dataclass(slots=True)
class Checks:
    """Collects checks and tells each at once.

    ``missing`` names what this place does not have (``eventbridge``, ``bucket policy`` ...): a check that needs such a
    thing is never counted as passed.
    """

    missing: Collection[str] = ()
    tell: Callable[[str], object] = field(default=lambda _line: None)
    made: list[Check] = field(default_factory=list)

    def note(self, sentence: str, good: bool, seen: object) -> None:
        """Record what was seen."""
        self._add(Check(sentence, OK if good else WRONG, str(seen)))

    def can(self, sentence: str, needs: str) -> bool:
        """Tell whether a check can be made; one that cannot is recorded as such."""
        if needs in self.missing:
            self._add(Check(sentence, UNCHECKED, f"there is no {needs} here"))
        return needs not in self.missing

    def refused(self, sentence: str, expected: tuple[int, str], call: Callable[[], object], needs: str = "") -> None:
        """Make a call that AWS must refuse with this status and code (an empty code stands for any)."""
        if needs and not self.can(sentence, needs):
            return
        status, code = expected
        try:
            call()
        except ClientError as error:
            seen = (int(error.response["ResponseMetadata"]["HTTPStatusCode"]), error.response["Error"]["Code"])
            self.note(sentence, seen == (status, code or seen[1]), "{} {}".format(*seen))
        else:
            self.note(sentence, False, "accepted")

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong and something was checked."""
        outcomes = {check.outcome for check in self.made}
        return OK in outcomes and WRONG not in outcomes

    def table(self) -> str:
        """All checks, one on each line."""
        width = max((len(check.sentence) for check in self.made), default=0)
        return "\n".join(f"{check.outcome:<17}{check.sentence:<{width}}  {check.seen}" for check in self.made)

    def _add(self, check: Check) -> None:
        self.made.append(check)
        self.tell(f"  {check.outcome}: {check.sentence}")
