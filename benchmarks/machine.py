"""What the figures were measured on, without anything that names this machine."""

from __future__ import annotations

import os
import platform
import re
import shutil
import ssl
import subprocess
from pathlib import Path


def machine() -> str:
    """Return processor, cores, memory, kernel and Python in one line."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return f"{_processor()}, {cores} cores, {memory:.0f} GiB, {system}, Python {platform.python_version()}"


def openssl() -> str:
    """Return the OpenSSL of the Python that runs ours, which is this one."""
    return ssl.OPENSSL_VERSION


def curl() -> str | None:
    """Return curl's version, or None where there is none."""
    program = shutil.which("curl")
    if program is None:
        return None
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return next(iter(re.findall(r"^curl (\S+)", said.stdout)), None)


def _processor() -> str:
    described = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    return next(iter(re.findall(r"^model name\s*:\s*(.+)$", described, re.MULTILINE)), platform.machine())
