"""The functions' environment variables, and what is said of one that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloud_sync_common.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Environment:
    """The functions' environment variables, as the template sets them."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """A variable that must be there."""
        value = self.values.get(name, "")
        if not value:
            raise InvalidInput(f"the environment variable {name} is missing: deploy the stack again")
        return value

    def number(self, name: str) -> int:
        """A variable that must be a whole number."""
        text = self.text(name)
        if not text.isdigit():
            raise InvalidInput(f"the environment variable {name} must be a whole number: deploy the stack again")
        return int(text)
