"""What resource handlers note as not emulated while they work: ``cloud.record(resource, property, why)`` in their code.

Read from the source, so that the list is whole without a template that has everything.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType

from sandbox.aws.template import resources
from sandbox.aws.template.cloud import REGISTRY


class UnreadableRecord(ValueError):
    """A handler records something whose property or reason is not a constant; one line that says where."""


def recorded_by_handlers() -> list[tuple[str, str, str]]:
    """Return resource type, property (``*`` for all) and reason of every ``record`` call in the handlers' modules."""
    found: list[tuple[str, str, str]] = []
    for name in resources.__all__:
        found.extend(_of_module(getattr(resources, name)))
    return found


def _of_module(module: ModuleType) -> Iterator[tuple[str, str, str]]:
    tree = ast.parse(inspect.getsource(module))
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    kinds = {emulation.handler.__name__: kind for kind, emulation in REGISTRY.items()}
    for name, kind in kinds.items():
        if REGISTRY[kind].handler.__module__ == module.__name__ and name in functions:
            for helper in _reached(name, functions):
                for prop, why in _records(functions[helper], module):
                    yield kind, prop, why


def _reached(start: str, functions: dict[str, ast.FunctionDef]) -> set[str]:
    """Return the handler and the module's functions that it calls, directly or not."""
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            names = {node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)}
            ahead.extend(names & functions.keys())
    return seen


def _records(function: ast.FunctionDef, module: ModuleType) -> Iterator[tuple[str, str]]:
    texts = dict(_constants(function))
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "record":
            prop, why = (_text(argument, texts, module) for argument in node.args[1:3])
            yield prop, why


def _constants(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """Yield the function's names that are set to a text."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    yield target.id, str(node.value.value)


def _text(node: ast.expr, texts: dict[str, str], module: ModuleType) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name):
        value = texts.get(node.id, getattr(module, node.id, None))
        if isinstance(value, str):
            return value
    raise UnreadableRecord(f"{module.__name__}, line {node.lineno}: give record() a text or the name of one")
