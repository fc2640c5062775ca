"""obstore with ranges fetched side by side, each on a connection of its own: obstore at its best, in twenty lines."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import obstore

from benchmarks.peers import AT_ONCE, PART, Job
from benchmarks.peers.obstore_stores import bucket, run, source


async def copy(job: Job) -> None:
    """Put what the ranges yield, in their order."""
    await obstore.put_async(bucket(job), job.key, _ranges(job), chunk_size=PART, max_concurrency=AT_ONCE)


async def _ranges(job: Job) -> AsyncIterator[Any]:
    store, path = source(job)
    size = (await obstore.head_async(store, path))["size"]
    under_way: deque[asyncio.Task[Any]] = deque()
    for start in range(0, size, PART):
        fetch = obstore.get_range_async(store, path, start=start, end=min(start + PART, size))
        under_way.append(asyncio.ensure_future(fetch))
        if len(under_way) == AT_ONCE:
            yield await under_way.popleft()
    while under_way:
        yield await under_way.popleft()


if __name__ == "__main__":
    run(copy)
