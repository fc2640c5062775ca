"""``--faults`` and ``--seed``: what shall go wrong in a run, and what has."""

from __future__ import annotations

from pathlib import Path

from sandbox.faults import Faults, FaultsError, load_faults, random_faults
from sandbox.run.errors import UsageError, one_line
from sandbox.run.function_names import handler_folders, handler_name
from sandbox.run.options import RunOptions
from sandbox.wire.disturbance import Disturbance


def open_faults(options: RunOptions, handlers: Path) -> Faults | None:
    """The faults that the options ask for, ``None`` for none; raises ``UsageError`` for a file that is wrong."""
    if options.faults is None:
        return None if options.seed is None else random_faults(options.seed)
    try:
        return load_faults(options.faults, seed=options.seed or 0, functions=handler_folders(handlers))
    except FaultsError as error:
        raise UsageError(f"--faults {one_line(error)}") from None


def disturbance_of(faults: Faults | None, handlers: Path) -> Disturbance:
    """The same for servers and the functions' host; it finds callers with or without faults."""

    def name_of(function: str) -> str:
        return handler_name(function, handlers)

    if faults is None:
        return Disturbance(name_of=name_of)
    return Disturbance(faults.plan, faults.function_plan, name_of)


def fault_lines(faults: Faults | None, seed: int | None) -> list[str]:
    """What was done, and what of the file never happened; nothing for a run without faults."""
    if faults is None:
        return []
    told = f"seed {seed}: {faults.record.summary()}" if seed is not None else faults.record.summary()
    lines = [told, *(f"never happened: {fault}" for fault in faults.never_happened())]
    if faults.bounded:
        lines.append("the limit of faults held some back: another run with this seed may draw others in their place")
    return lines
