"""The benchmark's command line: options in, exit code out.

Exit codes: 0 ours was right in every run; 1 it was not, or nothing could be measured; 2 the command line is wrong;
130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from benchmarks.engines import engines
from benchmarks.results import LATEST
from benchmarks.scenarios import DEFAULT_GIB, DEFAULT_ROUNDS, GIB, QUICK_NAMES, QUICK_SIZE, names

_MOST_GIB = 64


class UsageError(Exception):
    """The command line is wrong; one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure. ``largest`` bounds the sizes of all scenarios but unlimited; ``out`` is None for nowhere."""

    scenarios: tuple[str, ...]
    engines: tuple[str, ...]
    size: int
    largest: int | None
    rounds: int
    out: Path | None


class _Parser(argparse.ArgumentParser):
    """argparse with one-line errors."""

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage; ``main`` prints the one line."""
        raise UsageError(f"{message} (see --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line and return its exit code."""
    try:
        options = parsed(arguments)
    except UsageError as error:
        return _fail(str(error), 2)
    # Only now: a wrong option should not wait for the stage and the tables.
    from benchmarks.session import CannotMeasure, run_session  # noqa: PLC0415

    try:
        return run_session(options)
    except (CannotMeasure, OSError) as error:
        return _fail(str(error), 1)
    except KeyboardInterrupt:
        return _fail("interrupted; nothing was written", 130)


def parsed(arguments: Sequence[str] | None = None) -> Options:
    """Read a command line; raises ``UsageError``."""
    chosen = _parser().parse_args(arguments)
    scenarios = _known("--scenario", chosen.scenario, names()) or (QUICK_NAMES if chosen.quick else names())
    measured = _known("--engine", chosen.engine, tuple(engines())) or tuple(engines())
    size = QUICK_SIZE if chosen.quick and chosen.gib is None else int((chosen.gib or DEFAULT_GIB) * GIB)
    rounds = chosen.rounds or (1 if chosen.quick else DEFAULT_ROUNDS)
    whole = not chosen.quick and not chosen.scenario and not chosen.engine
    whole = whole and size >= DEFAULT_GIB * GIB and rounds >= DEFAULT_ROUNDS
    return Options(
        scenarios=scenarios,
        engines=measured,
        size=size,
        largest=QUICK_SIZE if chosen.quick else None,
        rounds=rounds,
        out=chosen.out or (LATEST if whole else None),
    )


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m benchmarks",
        description="Measure the transfer engine beside its peers, on this machine alone.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--gib", type=_gib, metavar="N", help=f"size of the unlimited scenario in GiB (default: {DEFAULT_GIB:g})"
    )
    parser.add_argument("--rounds", type=_count, metavar="N", help=f"rounds (default: {DEFAULT_ROUNDS})")
    parser.add_argument(
        "--scenario", action="append", default=[], metavar="NAME", help=f"only this one: {', '.join(names())}"
    )
    parser.add_argument(
        "--engine", action="append", default=[], metavar="NAME", help=f"only this one: {', '.join(engines())}"
    )
    parser.add_argument("--quick", action="store_true", help="about a minute: 64 MiB, one round, three scenarios")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help=f"write the results here (default: benchmarks/results/{LATEST.name} after a whole run, else nowhere)",
    )
    return parser


def _known(option: str, asked: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return what was asked for in the order of what is known, each once."""
    for name in asked:
        if name not in known:
            raise UsageError(f"{option} {name!r} is none of {', '.join(known)}")
    return tuple(name for name in known if name in asked)


def _gib(text: str) -> float:
    try:
        gib = float(text)
    except ValueError:
        gib = 0.0
    if not 1 / GIB <= gib <= _MOST_GIB:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of GiB above 0 and up to {_MOST_GIB}")
    return gib


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 1000")
    return int(text)


def _fail(line: str, code: int) -> int:
    sys.stderr.write(f"benchmarks: {line}\n")
    return code
