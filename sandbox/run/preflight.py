"""What can be known to be wrong before anything is started: settings, an unreachable server, a missing installation."""

from __future__ import annotations

import platform
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from cloud_sync.settings import Settings, SettingsError
from cloud_sync.stages import file_context, read_settings
from sandbox.run.errors import SandboxError, UsageError, one_line

PROJECT = Path(__file__).resolve().parents[2]
"""The project's root, where ``app.py`` is."""

CONNECT_SECONDS = 10.0


def check_platform(system: str | None = None) -> None:
    """Refuse an operating system other than Linux: memory and life of functions are watched through its ``/proc``.

    ``system`` is what ``platform.system()`` says. Raises ``SandboxError`` with what to use instead.
    """
    system = platform.system() if system is None else system
    if system == "Linux":
        return
    instead = {
        "Darwin": "use a Linux container or virtual machine (Docker, Lima, GitHub Codespaces)",
        "Windows": "use WSL 2 (run `wsl --install`, then start the sandbox inside Ubuntu)",
    }
    way = instead.get(system, "use a Linux machine, container or virtual machine")
    raise SandboxError(f"the sandbox runs functions on Linux only, not on {system or 'an unknown system'}: {way}")


def check_settings(settings: Mapping[str, str]) -> Settings:
    """Return the settings of the deployment to come; refuse what the CDK app would refuse, in its own words.

    Does not wait for the synthesis.
    """
    try:
        return read_settings(settings, base=file_context())
    except SettingsError as error:
        raise UsageError(one_line(error)) from None


def check_reachable(url: str, *, timeout: float = CONNECT_SECONDS) -> None:
    """One TCP connection to the server (or to the proxy that leads there), before anything else is started."""
    host, port, via = _first_hop(url)
    try:
        socket.create_connection((host, port), timeout=timeout).close()
    except OSError as error:
        reason = error.strerror or one_line(error)
        raise SandboxError(
            f"cannot reach {url}{via}: {reason}; check --gopro-url, that the server runs, and the network"
        ) from None


def _first_hop(url: str) -> tuple[str, int, str]:
    """Where the functions' HTTP client will connect first: requests honours the same proxy variables."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    proxy = getproxies().get(parts.scheme)
    if not proxy or proxy_bypass(f"{host}:{port}"):
        return host, port, ""
    hop = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    # The proxy's URL may carry a password: only its host is ever shown.
    return hop.hostname or "", hop.port or 80, f" through the proxy {hop.hostname}"


def runtime_folder() -> Path:
    """The functions' third-party packages, built for this machine beside the virtual environment by the Makefile."""
    folder = Path(sys.prefix) / "lambda-runtime"
    if not (folder / "awslambdaric").is_dir():
        raise SandboxError(
            f"the functions' packages are not installed in {folder}; run `make run` once, which installs them"
        )
    return folder
