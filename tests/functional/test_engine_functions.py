"""One file over several functions: whichever way its parts are shared out, and whoever dies, the object is the same."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from cloud_sync_common.edges.archive import Archive
from cloud_sync_common.models import ObjectKey
from cloud_sync_common.rules.outcomes import PartRange
from cloud_sync_common.transfer.engine import PartJob
from cloud_sync_common.transfer.planning import PartPlan, missing_ranges
from tests.support.adapters import ADAPTERS, adapter
from tests.support.engine import Engine, dying, thousandth
from tests.support.kill_switch import Killed
from tests.support.media import source
from tests.support.scripted_http import ScriptedServer, origin
from tests.support.strict_s3 import ATTRIBUTES, BUCKET, Store, _client, crc, strict_store

KIB = 1024
MOST_FUNCTIONS = 5
CONTENT = random.Random(6).randbytes(300 * KIB)  # noqa: S311 - content, not a secret
_files = count(1)


@dataclass(frozen=True)
class Cut:
    """A file cut into parts, its parts into ranges, a function for each; who of them dies behind which byte.

    ``order`` is that in which they begin; ``at_once``: none waits for the one before.
    """

    size: int
    part_size: int
    workers: int
    order: tuple[int, ...]
    deaths: tuple[int | None, ...]
    at_once: bool


CUTS = st.sampled_from([5, 3, 2, 4, 1]).flatmap(
    lambda functions: st.builds(
        Cut,
        size=st.one_of(st.integers(100 * KIB, len(CONTENT)), st.integers(1, 100 * KIB)),
        part_size=st.one_of(st.integers(5 * KIB, 20 * KIB), st.integers(20 * KIB, 64 * KIB)),
        workers=st.integers(1, 4),
        order=st.permutations(range(functions)).map(tuple),
        deaths=st.tuples(*[st.none() | st.integers(0, 50 * KIB)] * functions),
        at_once=st.booleans(),
    )
)


@dataclass(frozen=True)
class Functions:
    """Processes that share nothing but the bucket: each has its own client, adapter and connections."""

    store: Store
    server: ScriptedServer
    engines: tuple[Engine, ...]


@pytest.fixture(scope="module", params=ADAPTERS)
def functions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Functions]:
    with ExitStack() as stack:
        stack.enter_context(thousandth())
        store = stack.enter_context(strict_store(tmp_path_factory.mktemp("functions")))
        server = stack.enter_context(ScriptedServer(origin(CONTENT)))
        engines = []
        for _ in range(1 + MOST_FUNCTIONS):
            client = _client(store.server)
            stack.callback(client.close)
            own = Archive(client, BUCKET, client)
            engines.append(Engine(own, stack.enter_context(adapter(request.param, replace(store, archive=own)))))
        yield Functions(store, server, tuple(engines))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=CUTS)
def test_the_object_is_the_same_whichever_way_the_file_is_cut(functions: Functions, cut: Cut) -> None:
    content, key = CONTENT[: cut.size], ObjectKey(f"{next(_files)}.MP4")
    functions.server.script = origin(content)
    upload = functions.store.archive.create_upload(key, ATTRIBUTES)
    plan = PartPlan(cut.size, cut.part_size)
    last, *engines = functions.engines
    job = last.job(functions.server.url, key, upload, source(cut.size))
    ranges = missing_ranges(range(1, plan.count + 1), len(cut.order))
    event(f"{len(ranges)} ranges")

    event(f"{run(engines, cut, ranges, job, plan)} functions died")

    held = functions.store.archive.parts(key, upload)
    before = accepted(functions.store)
    missing = [part.number for part in plan if part.number not in held]
    sent = last.move(job, plan, missing)
    assert accepted(functions.store) - before == Counter(missing)
    assert last.complete(job, [*held.values(), *sent]) == crc(content)
    stored = functions.store.objects()[key]
    assert stored.path.read_bytes() == content
    assert (stored.checksums["CRC64NVME"], stored.parts) == (crc(content), plan.count)


def accepted(store: Store) -> Counter[int]:
    """How often S3 took each part. What a dead function has begun is in its log, too, at some time."""
    taken = [call for call in store.server.requests if call.operation == "UploadPart" and call.status == 200]
    return Counter(int(call.parameters["partNumber"]) for call in taken)


def run(engines: list[Engine], cut: Cut, ranges: tuple[PartRange, ...], job: PartJob, plan: PartPlan) -> int:
    """Every function on its range, in the cut's order; returns how many died. They leave what they have sent."""

    def one(which: int) -> bool:
        engine, death = engines[which], cut.deaths[which]
        made = engine.made if death is None else dying(engine.made, death)
        numbers = range(ranges[which].first, ranges[which].last + 1)
        try:
            replace(engine, made=made, workers=cut.workers).move(job, plan, numbers)
        except Killed:
            return True
        return False

    with ThreadPoolExecutor(len(cut.order) if cut.at_once else 1) as pool:
        return sum(pool.map(one, [which for which in cut.order if which < len(ranges)]))
