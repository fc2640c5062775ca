"""What people call the functions: the folder of their handler instead of CloudFormation's generated name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def handler_names(functions: Iterable[str], handlers: Path) -> dict[str, str]:
    """Generated name -> folder below ``handlers``; a name that no folder or several fit is left as it is.

    The constructs' ids are the folders' names in camel case, and CloudFormation keeps them inside the names.
    """
    folders = {entry.name: entry.name.title().replace("_", "") for entry in handlers.iterdir() if entry.is_dir()}
    names = {}
    for function in functions:
        fitting = [folder for folder, camel in folders.items() if camel in function]
        names[function] = fitting[0] if len(fitting) == 1 else function
    return names
