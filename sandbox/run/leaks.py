"""The canary check: cookies, listing tokens and URL signatures must not be in anything that a run leaves behind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.run.out_folder import WORK

_CHUNK = 1024 * 1024
_MIN_LENGTH = 8
"""Shorter cookie values (a country, a flag) are no secrets and would be found everywhere."""

_NO_SECRETS = frozenset({"gp_user_id"})
"""Cookies that only say who it is: the account's id is part of public paths."""

_SIGNATURE = re.compile(rb"signature(?:=|%3d)[A-Za-z0-9_~%+/-]{8,}", re.IGNORECASE)
_NO_DOCUMENTS = frozenset({"bucket", WORK})

_OVERLAP = 256
"""Bytes of the chunk before that are searched again: a signature's beginning is enough to know it."""


@dataclass(frozen=True, slots=True)
class Leak:
    """``kind`` says which sort of secret is in ``file``; the secret itself is told to nobody."""

    kind: str
    file: Path

    def __str__(self) -> str:
        return f"a secret ({self.kind}) leaked into {self.file}"


def cookie_secrets(cookies: str) -> set[str]:
    """The Cookie header itself and every value in it that is long enough to be a secret."""
    pairs = [pair.strip().partition("=") for pair in cookies.split(";")]
    values = {value.strip('"') for name, _, value in pairs if name not in _NO_SECRETS}
    return {secret for secret in {cookies.strip(), *values} if len(secret) >= _MIN_LENGTH}


def find_leaks(folder: Path, *, cookies: Iterable[str], tokens: Iterable[str]) -> list[Leak]:
    """Every document below ``folder`` that holds a secret, each kind once; names are relative to ``folder``.

    The objects themselves and the folder that the run works in are not documents.
    """
    needles = [("cookie", form) for secret in cookies for form in _forms(secret)]
    needles += [("listing token", form) for secret in tokens for form in _forms(secret)]
    leaks = []
    for path in _documents(folder):
        leaks += [Leak(kind, path.relative_to(folder)) for kind in sorted(_kinds_in(path, needles))]
    return leaks


def _documents(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_file():
            yield entry
        elif entry.name not in _NO_DOCUMENTS:
            yield from sorted(path for path in entry.rglob("*") if path.is_file())


def _forms(secret: str) -> set[bytes]:
    """As it is, and as it looks inside a JSON string."""
    return {secret.encode(), json.dumps(secret)[1:-1].encode()}


def _kinds_in(path: Path, needles: list[tuple[str, bytes]]) -> set[str]:
    overlap = max([_OVERLAP, *(len(needle) for _, needle in needles)])
    kinds = set()
    for window in _windows(path, overlap):
        kinds |= {kind for kind, needle in needles if needle in window}
        if _SIGNATURE.search(window):
            kinds.add("URL signature")
    return kinds


def _windows(path: Path, overlap: int) -> Iterator[bytes]:
    """The file in chunks, each with the end of the one before, so that nothing is cut apart unseen."""
    tail = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            window = tail + chunk
            yield window
            tail = window[-overlap:]
