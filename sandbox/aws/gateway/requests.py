"""Which service, which operation, who: an HTTP request to AWS as its signature, target and body name it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

from sandbox.aws.gateway.models import routed

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_IAM_PREFIXES = {"monitoring": "cloudwatch"}
"""Where IAM's prefix is not the name that requests are signed for."""

_CBOR_PATH = re.compile(r"/service/[^/]+/operation/([^/]+)")


class Protocol(StrEnum):
    """How a service words requests and errors."""

    JSON = "json"
    QUERY = "query"
    REST = "rest-json"


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request as far as the gateway understands it. ``payload`` may hold secrets: it is never kept."""

    service: str
    region: str
    operation: str
    protocol: Protocol
    access_key_id: str | None
    payload: Mapping[str, Any]


def read_request(environ: Mapping[str, Any], body: bytes) -> ApiRequest:
    """Return what a WSGI request is; the operation of an unknown kind of request is its HTTP method."""
    signed = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    key, region, scope = signed.groups() if signed else (None, "", "")
    protocol, operation, payload = _content(environ, body, scope)
    return ApiRequest(_IAM_PREFIXES.get(scope, scope), region, operation, protocol, key, payload)


def _content(environ: Mapping[str, Any], body: bytes, service: str) -> tuple[Protocol, str, Mapping[str, Any]]:
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return Protocol.JSON, target.rpartition(".")[2], _object(body)
    method, path, query = environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("QUERY_STRING", "")
    form = dict(parse_qsl(query, keep_blank_values=True))
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        form |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    if "Action" in form:
        return Protocol.QUERY, form["Action"], form
    if coded := _CBOR_PATH.fullmatch(path):
        return Protocol.REST, coded[1], {}
    found = routed(service, method, path, frozenset(form)) if service else None
    if found is None:
        return Protocol.REST, method, {}
    operation, labels = found
    return Protocol.REST, operation, {**_object(body), **labels}


def _object(body: bytes) -> dict[str, Any]:
    """Return the members of a JSON object; moto answers to whatever is none."""
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
