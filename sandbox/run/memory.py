"""Memory of the process that everything but the functions runs in: simulators, S3 server, engine."""

from __future__ import annotations

import resource

_KIB = 1024


def own_peak_mb() -> float:
    """The largest resident memory so far, in MiB (Linux counts ``ru_maxrss`` in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KIB
