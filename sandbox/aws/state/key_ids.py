"""KMS keys that have the same id at every deployment: objects name their key, and outlive the process that made it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from moto.kms import models

from sandbox.aws.repairs.patching import replaced

_NAMESPACE = uuid.UUID("6f1c3b6e-1f0e-4c27-9a43-6f7c0f7a52d1")


@contextmanager
def fixed_key_id(stack: str, logical_id: str) -> Iterator[str]:
    """Give a key that is created within the block the id that belongs to this resource of this stack.

    One key at a time: moto has one source of ids for all threads.
    """
    key_id = str(uuid.uuid5(_NAMESPACE, f"{stack}/{logical_id}"))
    with replaced(models, "generate_key_id", lambda _multi_region: key_id):
        yield key_id
