"""Operations of services whose requests are told apart by method and path, from botocore's own models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader
from botocore.model import ServiceModel

_LABEL = re.compile(r"\{([^}+]+)(\+?)\}")


@dataclass(frozen=True, slots=True)
class _Route:
    operation: str
    method: str
    path: re.Pattern[str]
    query: frozenset[str]
    literal: int
    """Length of what is not a label: of two routes that fit, the more literal one is meant."""


def routed(service: str, method: str, path: str, query: frozenset[str]) -> tuple[str, Mapping[str, str]] | None:
    """Return the operation of a request and the labels in its path; ``None`` if the service's model has none."""
    best: tuple[_Route, dict[str, str]] | None = None
    for route in _routes(service):
        found = route.path.fullmatch(path) if route.method == method and route.query <= query else None
        if found and (best is None or route.literal > best[0].literal):
            best = route, {name: unquote(value) for name, value in found.groupdict().items()}
    return (best[0].operation, best[1]) if best else None


@lru_cache(maxsize=16)
def _routes(service: str) -> tuple[_Route, ...]:
    try:
        model = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    except UnknownServiceError:
        return ()
    return tuple(_route(name, model.operation_model(name).http) for name in model.operation_names)


def _route(operation: str, http: Mapping[str, str]) -> _Route:
    path, _, query = http["requestUri"].partition("?")
    pattern, end = "", 0
    for label in _LABEL.finditer(path):
        pattern += re.escape(path[end : label.start()])
        pattern += f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})"
        end = label.end()
    pattern += re.escape(path[end:])
    names = frozenset(pair.partition("=")[0] for pair in query.split("&") if pair)
    return _Route(operation, http["method"], re.compile(pattern), names, len(_LABEL.sub("", path)) + len(query))
