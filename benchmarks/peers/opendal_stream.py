"""opendal as it comes: one connection to the source, the object written in parts of 16 MiB, four at once."""

from __future__ import annotations

from benchmarks.peers import Job
from benchmarks.peers.opendal_stores import copy

if __name__ == "__main__":
    copy(Job.from_command_line())
