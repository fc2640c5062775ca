"""opendal with its reader told to fetch four ranges side by side as well: opendal at its best."""

from __future__ import annotations

from benchmarks.peers import AT_ONCE, PART, Job
from benchmarks.peers.opendal_stores import copy

if __name__ == "__main__":
    copy(Job.from_command_line(), chunk=PART, concurrent=AT_ONCE)
