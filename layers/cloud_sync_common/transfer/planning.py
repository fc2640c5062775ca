"""How a piece is cut into the parts of a multipart upload. Pure arithmetic; part ``n`` always has the same bytes.

S3's limits (mpuoverview page of the S3 user guide, 2026): 10,000 parts, 5 MiB to 5 GiB each but for the last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cloud_sync_common.errors import PieceTooLarge
from cloud_sync_common.rules.outcomes import PartRange

MIB = 1024 * 1024
MAX_PARTS = 10_000
MIN_PART = 5 * MIB
MAX_PART = 5 * 1024 * MIB
USUAL_MIN_PART = 16 * MIB
USUAL_MAX_PART = 256 * MIB
UNKNOWN_SIZE_PART = 16 * MIB
"""Part size of a stream that does not say how long it is: one such part is held in memory (design.md 7)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: number from 1, first and last byte of the piece, both inclusive."""

    number: int
    first: int
    last: int

    @property
    def size(self) -> int:
        """Bytes in this part."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class PartPlan:
    """A piece of ``size`` > 0 bytes cut into parts of ``part_size`` bytes, the last one possibly shorter."""

    size: int
    part_size: int

    @property
    def count(self) -> int:
        """Number of parts."""
        return -(-self.size // self.part_size)

    def part(self, number: int) -> Part:
        """Part ``number``; raises ``ValueError`` outside 1..count."""
        if not 1 <= number <= self.count:
            raise ValueError(f"part {number} is outside 1..{self.count}")
        first = (number - 1) * self.part_size
        return Part(number, first, min(first + self.part_size, self.size) - 1)

    def __iter__(self) -> Iterator[Part]:
        """Every part, in order."""
        return (self.part(number) for number in range(1, self.count + 1))


def plan_parts(size: int, at_most: int | None = None) -> PartPlan:
    """Choose the part size for a piece of ``size`` bytes: about an eighth of it, between 16 and 256 MiB.

    Few, large parts, because a 16 MiB part costs more in requests than the compute that moves it
    (performance.md 4); larger still where 10,000 parts would not reach. ``at_most`` is what ``smaller_part`` has found,
    bytes. Raises ``PieceTooLarge`` beyond 10,000 x 5 GiB.
    """
    if size <= 0:
        raise ValueError(f"a multipart upload needs at least one byte, not {size}")
    usual = min(max(_round_up(-(-size // 8), MIB), USUAL_MIN_PART), USUAL_MAX_PART, at_most or USUAL_MAX_PART)
    part_size = max(usual, _least_part(size))
    if part_size > MAX_PART:
        raise PieceTooLarge(f"{size} bytes are more than S3 can hold in {MAX_PARTS} parts of 5 GiB")
    return PartPlan(size, part_size)


def smaller_part(plan: PartPlan, moved: int) -> int | None:
    """Part size in bytes for a connection that moved ``moved`` bytes of one part in the time that it had.

    Half of that, so that a part fits even at half the speed; whole MiB, never below 5. ``None`` if such parts would not
    be smaller than the plan's, because 10,000 of them would not reach, or nothing was moved that tells a speed.
    """
    part_size = max(moved // 2 // MIB * MIB, _least_part(plan.size))
    return part_size if moved > 0 and part_size < min(plan.part_size, plan.size) else None


def missing_ranges(missing: Iterable[int], most: int) -> tuple[PartRange, ...]:
    """Cover the missing part numbers with at most ``most`` ranges of about equal numbers of missing parts.

    A range may span parts that are already there; whoever works on it asks ListParts and leaves those out.
    """
    numbers = sorted(set(missing))
    if not numbers or most < 1:
        return ()
    step = -(-len(numbers) // most)
    slices = (numbers[start : start + step] for start in range(0, len(numbers), step))
    return tuple(PartRange(chunk[0], chunk[-1]) for chunk in slices)


def _least_part(size: int) -> int:
    return max(MIN_PART, _round_up(-(-size // MAX_PARTS), MIB))


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
