"""The secrets' values and their versions: written down with every change, put back at the next start."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto.secretsmanager.models import FakeSecret, SecretsManagerBackend, secretsmanager_backends
from moto.secretsmanager.responses import SecretsManagerResponse

from sandbox.aws.repairs.patching import replaced
from sandbox.aws.state.store import Store

_KEPT = ("versions", "default_version_id", "created_date", "last_changed_date", "deleted_date")
"""What a secret's history consists of; name, description and tags come from the template."""

_READS = ("Get", "Describe", "List", "BatchGet", "Validate")


@contextmanager
def kept(store: Store) -> Iterator[None]:
    """Write down every change of a secret within the block, before its answer is sent."""
    lock = threading.RLock()
    original = SecretsManagerResponse.call_action

    def call_action(self: SecretsManagerResponse) -> Any:
        if self._get_action().startswith(_READS):
            return original(self)
        with lock:
            answer = original(self)
            _note_all(store, self.backend)
            return answer

    with replaced(SecretsManagerResponse, "call_action", call_action):
        yield


def _note_all(store: Store, backend: SecretsManagerBackend) -> None:
    for secret in backend.secrets.values():
        if isinstance(secret, FakeSecret) and secret.versions:
            document = json.dumps({name: getattr(secret, name) for name in _KEPT})
            store.write("INSERT OR REPLACE INTO secrets VALUES (?, ?)", (secret.name, document))


def restore(store: Store, account_id: str, region: str) -> None:
    """Give the secrets that exist their values back; one that the stack does not have any more stays in the file."""
    secrets = secretsmanager_backends[account_id][region].secrets
    for name, text in store.read("SELECT name, document FROM secrets"):
        secret = secrets.get(name)
        if secret is not None:
            for attribute, value in json.loads(text).items():
                setattr(secret, attribute, value)


def current_value(store: Store, name: str | None = None) -> str | None:
    """Return the current text of a secret (of the only one, without a name), ``None`` if it has none."""
    for found, text in store.read("SELECT name, document FROM secrets ORDER BY name"):
        document = json.loads(text)
        if name in (None, found) and document["deleted_date"] is None:
            value = document["versions"].get(document["default_version_id"], {}).get("secret_string")
            return None if value is None else str(value)
    return None
