"""The peers that ours is measured beside: one small script each, as its own documentation would have it written.

``python -m benchmarks.peers.NAME URL ENDPOINT CA_BUNDLE BUCKET KEY`` copies one URL and exits with 0. Credentials and
region come from the environment. Every script checks both servers against CA_BUNDLE.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

MIB = 1024 * 1024
PART = 16 * MIB
"""The part size of every peer that can be told one; with four at a time each was at its best (performance.md 1)."""
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Job:
    """One copy: ``ca_bundle`` is a PEM file's path, ``endpoint_url`` the S3 server's scheme, host and port."""

    url: str
    endpoint_url: str
    ca_bundle: str
    bucket: str
    key: str

    @classmethod
    def from_command_line(cls) -> Job:
        """Read this process's five arguments; exits with 2 when there are not five."""
        try:
            return cls(*sys.argv[1:])
        except TypeError:
            sys.exit("arguments: URL ENDPOINT CA_BUNDLE BUCKET KEY")
