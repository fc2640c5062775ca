"""obstore as shipped: the response of one store's get is what the other store puts; one connection to the source."""

from __future__ import annotations

import obstore

from benchmarks.peers import AT_ONCE, PART, Job
from benchmarks.peers.obstore_stores import bucket, run, source


async def copy(job: Job) -> None:
    """Stream the response into a multipart upload."""
    store, path = source(job)
    response = await obstore.get_async(store, path)
    await obstore.put_async(
        bucket(job), job.key, response.stream(min_chunk_size=PART), chunk_size=PART, max_concurrency=AT_ONCE
    )


if __name__ == "__main__":
    run(copy)
