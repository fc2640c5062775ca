"""What a person should do about an error that stopped a run: one sentence for each name. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cloud_sync_common import errors
from cloud_sync_common.rules.report import Ending
from cloud_sync_common.rules.urls import redact

LONGEST = 1_000

ERROR_NAMES = frozenset(name for name, kind in vars(errors).items() if isinstance(kind, type))
"""Errors of our own: their messages are made to be read."""

_OWN_WORDS = frozenset(
    {"CredentialsExpired", "CredentialsMalformed", "CredentialsMissing", "InvalidInput", "RunStopped"}
)
"""Errors whose messages say themselves what to do."""

_ADVICE = {
    "SchemaChanged": "look for a new version of this project; nothing was lost",
    "ArchiveDenied": "check the archive bucket's and the key's policies, then run again",
    "AccessDenied": "check the functions' roles, then run again",
    "States.ExceedToleratedFailureThreshold": "see the Map Run in the Step Functions console, then run again",
}
_DEFAULT = "see the function's logs; the next run goes on where this one stopped"


def ending_of(error: Mapping[str, Any], run: Mapping[str, Any] | None) -> Ending:
    """Why the run ended early: its stop flag if one was raised, else the error that the state machine caught."""
    if run is not None and "stop_error" in run:
        return _ending(str(run["stop_error"]), str(run.get("stop_reason", "")))
    name = error.get("Error")
    if not name:
        return Ending()
    return _ending(str(name), _message(error.get("Cause")))


def failure_of(error: Mapping[str, Any]) -> tuple[str, str]:
    """Name and reason of a medium's failure that the state machine caught: the function's own words if it had any."""
    name = str(error.get("Error") or "Unknown")
    said = _message(error.get("Cause")) if name in ERROR_NAMES else ""
    return name, redact(f"{name}: {said or 'the function did not finish'}")[:LONGEST]


def _ending(name: str, message: str) -> Ending:
    advice = None if name in _OWN_WORDS and message else _ADVICE.get(name, _DEFAULT)
    # What to do is never cut off; what happened may be: a changed API is told with its whole shape.
    room = LONGEST - len(f"{name}: ; {advice or ''}")
    text = f"{name}: {'; '.join(filter(None, (redact(message)[:room], advice)))}"
    return Ending(name, text)


def _message(cause: object) -> str:
    """Lambda's Cause is JSON with an ``errorMessage``; others are plain sentences."""
    if not isinstance(cause, str):
        return ""
    try:
        document = json.loads(cause)
    except ValueError:
        return " ".join(cause.split())
    message = document.get("errorMessage") if isinstance(document, dict) else None
    return " ".join(message.split()) if isinstance(message, str) else ""
