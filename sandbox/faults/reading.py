"""``--faults FILE`` and ``--seed N``."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

from sandbox.faults.errors import FaultsError
from sandbox.faults.plan import Faults
from sandbox.faults.rules import Rule, read_rules
from sandbox.faults.schedule import RandomSchedule

_LARGEST = 1024 * 1024


def load_faults(path: Path, *, seed: int = 0, functions: Sequence[str] = (), everyone: bool = False) -> Faults:
    """Read a file of faults (``example.toml`` beside this module explains its keys).

    ``seed`` is what chances are drawn from; no other faults are added. ``functions`` are the names that ``function``
    may match, ``everyone`` is explained at ``Faults``. Raises ``FaultsError``, one line, for anything wrong.
    """
    try:
        rules = _rules(_parsed(path), functions)
    except FaultsError as error:
        raise FaultsError(f"{path.name}: {error}") from None
    return Faults(rules, seed=seed, everyone=everyone)


def random_faults(seed: int, *, everyone: bool = False) -> Faults:
    """Return a random schedule (``rates`` has its odds): transient faults only, the same for the same calls."""
    return Faults(schedule=RandomSchedule(seed), seed=seed, everyone=everyone)


def _parsed(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
    except OSError as error:
        raise FaultsError(f"cannot be read ({error.strerror}); give the path of a file of faults") from None
    if len(text) > _LARGEST:
        raise FaultsError("is larger than 1 MiB; give a file of faults")
    try:
        return tomllib.loads(text.decode())
    except UnicodeDecodeError:
        raise FaultsError("is not TOML: it is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise FaultsError(f"is not TOML: {error}") from None


def _rules(document: dict[str, object], functions: Sequence[str]) -> list[Rule]:
    for key in document:
        if key != "fault":
            raise FaultsError(f"key {key!r} is not known; a file of faults has [[fault]] tables only")
    tables = document.get("fault")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise FaultsError("has no faults; write each one as a [[fault]] table")
    return [rule for number, table in enumerate(tables, start=1) for rule in read_rules(number, table, functions)]
