"""What people call the functions: the folder of their handler instead of CloudFormation's generated name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def handler_folders(handlers: Path) -> list[str]:
    """Every folder below ``handlers``."""
    return sorted(entry.name for entry in handlers.iterdir() if (entry / "handler.py").is_file())


def handler_name(function: str, handlers: Path) -> str:
    """The folder of a function with a generated name; a name that no folder or several fit is left as it is.

    The constructs' ids are the folders' names in camel case, and CloudFormation keeps them inside the names.
    """
    fitting = [folder for folder in handler_folders(handlers) if folder.title().replace("_", "") in function]
    return fitting[0] if len(fitting) == 1 else function


def handler_names(functions: Iterable[str], handlers: Path) -> dict[str, str]:
    """Generated name -> folder, for several."""
    return {function: handler_name(function, handlers) for function in functions}
