"""What a comparison has read of archived objects, so that a large archive is not read again at every invocation."""

from __future__ import annotations

from sandbox.aws.state.store import Store


class ComparedObjects:
    """The content of objects, as read: size, SHA-256 and CRC64NVME of the file that was ``seen`` under a key.

    ``seen`` is whatever tells one state of a file from another: what was read from another state is not found.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, key: str, seen: str) -> tuple[int, str, str] | None:
        """Return what was read of the object in exactly this state, ``None`` if nothing was."""
        found = self._store.read("SELECT size, sha256, crc64nvme FROM compared WHERE key = ? AND seen = ?", key, seen)
        return found[0] if found else None

    def note(self, key: str, seen: str, content: tuple[int, str, str]) -> None:
        """Write down what was read, in place of what was known of the key."""
        self._store.write("INSERT OR REPLACE INTO compared VALUES (?, ?, ?, ?, ?)", (key, seen, *content))
