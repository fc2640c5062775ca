"""The random schedule: the same for the same calls, whoever comes first, and never more than can be survived."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.faults import Faults, random_faults
from sandbox.faults.rates import COSTLY_PER_FUNCTION, KILL_CHANCE, MOST_IN_ALL, MOST_PER_KEY, RATES, STALL_SECONDS
from sandbox.faults.schedule import choose, draw, key_of
from sandbox.faults.services import SERVERS, operations
from sandbox.wire.calls import Call, Caller
from sandbox.wire.orders import UNDISTURBED, Orders

FUNCTIONS = ("video_downloader", "multipart_uploader", "media_lister")
SEEDS = st.integers(0, 2**32)

calls = st.builds(
    Call,
    service=st.sampled_from(["s3", "gopro-cdn", "gopro-api", "dynamodb"]),
    operation=st.sampled_from(["UploadPart", "get", "download", "UpdateItem"]),
    resource=st.sampled_from(["a", "b", "c"]),
    caller=st.builds(Caller, st.sampled_from(FUNCTIONS), st.just(1)),
)


def alike(call: Call) -> tuple[str, str, str]:
    return call.service, call.operation, call.resource


def decided(faults: Faults, asked: Iterable[Call]) -> dict[tuple[str, str, str], list[Orders]]:
    """What happened to the 1st, 2nd, ... of each kind of call."""
    found = defaultdict(list)
    for call in asked:
        found[alike(call)].append(faults.plan(call))
    return found


def many(count: int, *, operation: str = "UploadPart", functions: Sequence[str] = FUNCTIONS) -> list[Call]:
    """Calls about as many objects, shared by the functions in turn."""
    return [
        Call("s3", operation, f"archive/{number}", Caller(functions[number % len(functions)], 1))
        for number in range(count)
    ]


@pytest.mark.verifies("faults.seed")
@settings(deadline=None)
@given(SEEDS, st.lists(calls, max_size=60), st.randoms(use_true_random=False))
def test_the_order_in_which_calls_arrive_changes_nothing(seed: int, asked: list[Call], shuffle: Random) -> None:
    other = list(asked)
    shuffle.shuffle(other)
    first, second = random_faults(seed), random_faults(seed)
    results = decided(first, asked), decided(second, other)
    if not first.bounded and not second.bounded:
        assert results[0] == results[1]


@pytest.mark.verifies("faults.seed")
def test_a_seed_gives_the_same_faults_again_and_another_seed_others() -> None:
    def drawn(seed: int) -> list[Orders]:
        faults = random_faults(seed)
        return [faults.plan(call) for call in many(300)]

    assert drawn(1) == drawn(1) != drawn(2)


@pytest.mark.verifies("faults.seed")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("runs/20260101T000000Z-nightly/manifest.json", "runs/20271231T235959Z-by-hand/manifest.json"),
        ("x/0f8fad5b-d9cb-469f-a165-70867728950e/y", "x/7c9e6679-7425-40de-944b-e07fc1f90ae7/y"),
    ],
)
def test_names_made_for_one_run_do_not_change_the_draw(one: str, other: str) -> None:
    assert key_of(Call("s3", "PutObject", one)) == key_of(Call("s3", "PutObject", other))
    assert key_of(Call("s3", "PutObject", one)) != key_of(Call("s3", "PutObject", one + "2"))


@settings(deadline=None)
@given(SEEDS, st.text(), st.integers(1, 1000))
def test_draws_are_from_0_up_to_1(seed: int, resource: str, nth: int) -> None:
    assert 0 <= draw(seed, ("s3", "GetObject", resource), nth, "what") < 1


def test_the_rates_are_those_of_the_table() -> None:
    drawn = Counter(
        chosen.effect.kind if (chosen := choose(seed, ("s3", "UploadPart", "a"), 1)) else "none"
        for seed in range(20_000)
    )
    expected: defaultdict[str, float] = defaultdict(float, kill=KILL_CHANCE)
    for rate in RATES:
        if rate.service == "s3" and (not rate.operations or "UploadPart" in rate.operations):
            expected[f"status {rate.status}" if rate.status else rate.kind] += rate.chance
    assert set(drawn) == {*expected, "none"}
    for kind, chance in expected.items():
        assert drawn[kind] / 20_000 == pytest.approx(chance, rel=0.35)


def test_every_operation_of_the_table_exists() -> None:
    for rate in RATES:
        assert rate.operations <= set(operations(rate.service) if rate.service in SERVERS else ())


@pytest.mark.verifies("faults.seed")
def test_every_kind_of_fault_turns_up() -> None:
    kinds = set()
    for seed in range(400):
        faults = random_faults(seed)
        for service in SERVERS:
            for operation in operations(service)[:12] if service != "s3" else ("UploadPart", "HeadObject"):
                faults.plan(Call(service, operation, "a", Caller("video_downloader", 1)))
        faults.function_plan("video_downloader")
        kinds |= {one.kind for one in faults.record.fired}
    assert kinds >= {
        "status 503", "status 500", "status 429", "status 400", "reset", "truncation", "stall", "upload reset",
        "lost answer", "duplicate", "kill", "throttle",
    }  # fmt: skip


@pytest.mark.verifies("faults.seed")
@settings(deadline=None)
@given(SEEDS)
def test_one_object_is_disturbed_at_most_once_and_a_table_less_often_than_clients_try_again(seed: int) -> None:
    faults = random_faults(seed)
    caller = Caller("video_downloader", 1)
    for _ in range(200):
        faults.plan(Call("s3", "UploadPart", "archive/a", caller))
        faults.plan(Call("dynamodb", "UpdateItem", "tracker", caller))
    done = Counter(one.service for one in faults.record.fired)
    assert done["s3"] <= 1
    assert done["dynamodb"] <= MOST_PER_KEY["dynamodb"] < 5


@pytest.mark.verifies("faults.seed")
@settings(deadline=None)
@given(SEEDS)
def test_what_costs_an_invocation_is_rationed_for_each_function_and_everything_in_all(seed: int) -> None:
    faults = random_faults(seed)
    for call in many(1500):
        faults.plan(call)
    for _ in range(100):
        faults.function_plan("video_downloader")
    costly = Counter(one.function for one in faults.record.fired if one.kind in ("kill", "throttle"))
    assert max(costly.values(), default=0) <= COSTLY_PER_FUNCTION
    assert len(faults.record.fired) == MOST_IN_ALL
    assert faults.bounded


@settings(deadline=None)
@given(SEEDS)
def test_nothing_random_lasts(seed: int) -> None:
    faults = random_faults(seed)
    for call in (
        *many(500),
        *many(500, operation="GetObject"),
        *(Call("gopro-cdn", "get", str(n), Caller("f", 1)) for n in range(500)),
    ):
        orders = faults.plan(call)
        assert orders.refusal is None or orders.refusal.status in (400, 429, 500, 503)
        assert orders.cut is None or orders.cut.seconds <= STALL_SECONDS
        assert (orders.headers, orders.rate) == ({}, None)


def test_the_sandbox_itself_is_left_alone() -> None:
    faults = random_faults(1)
    assert all(faults.plan(Call("s3", "UploadPart", str(n))) is UNDISTURBED for n in range(500))
    assert not random_faults(1).bounded


def test_keys_are_never_drawn_for() -> None:
    faults = random_faults(1)
    assert all(faults.plan(Call("kms", "Decrypt", str(n), Caller("f", 1))) is UNDISTURBED for n in range(500))
