"""How the sandbox says no: an exception with one line for a person and the exit code that goes with it."""

from __future__ import annotations

import signal


class SandboxError(Exception):
    """The run cannot go on; the message is one line that says what to do. Exit code 1."""

    exit_code = 1


class UsageError(SandboxError):
    """The command line is wrong; nothing has been started. Exit code 2."""

    exit_code = 2


class Interrupted(KeyboardInterrupt):
    """SIGINT or SIGTERM asked us to stop; the exit code is the shell's convention, 128 + the signal's number."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.exit_code = 128 + signum


def one_line(error: BaseException | str) -> str:
    """The error's message on a single line; the class name when the message is empty."""
    text = " ".join(str(error).split())
    return text or type(error).__name__
