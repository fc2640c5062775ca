"""Access keys that the sandbox issues: one for each function, so that calls can be told apart."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair; ``secret`` is not shown when it is printed."""

    id: str
    secret: str = field(repr=False)


class KeyRing(dict[str, str]):
    """Access key id to secret of every key issued; give it to a server that verifies signatures."""

    def __init__(self) -> None:
        super().__init__()
        self.owners: dict[str, str] = {}
        """Access key id to the name of whom it was issued to."""

    def issue(self, owner: str) -> AccessKey:
        """Return a fresh key for ``owner``."""
        key = AccessKey("AKIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)), secrets.token_urlsafe(30))
        self[key.id] = key.secret
        self.owners[key.id] = owner
        return key
