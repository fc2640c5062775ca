"""An account that is kept: in one SQLite file, so that a killed sandbox is continued by the next one.

``AccountState`` is all that the rest of the sandbox knows of it. Objects are not in here: the S3 server keeps its own.
"""

from sandbox.aws.state.account_state import AccountState
from sandbox.aws.state.store import StateError

__all__ = ["AccountState", "StateError"]
