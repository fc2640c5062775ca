"""Which calls a fault happens to, and what is remembered of it."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from sandbox.faults import Faults, load_faults
from sandbox.wire.calls import Call, Caller
from sandbox.wire.orders import UNDISTURBED, Kill

DOWNLOADER = Caller("video_downloader", 7)
LISTER = Caller("media_lister", 8)


def call(
    resource: str = "archive/key",
    operation: str = "PutObject",
    service: str = "s3",
    caller: Caller | None = DOWNLOADER,
) -> Call:
    return Call(service, operation, resource, caller)


def faults(tmp_path: Path, *tables: str, seed: int = 0, everyone: bool = False) -> Faults:
    path = tmp_path / "faults.toml"
    path.write_text("".join(f"[[fault]]\n{table}\n" for table in tables), encoding="utf-8")
    return load_faults(path, seed=seed, everyone=everyone)


def hits(plan: Faults, *calls: Call) -> list[int]:
    """The numbers (from 1) of the calls that were disturbed."""
    return [number for number, one in enumerate(calls, start=1) if plan.plan(one) != UNDISTURBED]


@pytest.mark.verifies("faults.file")
@pytest.mark.parametrize(
    ("selection", "disturbed"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("nth = 2", [2]),
        ("nth = [1, 4, 9]", [1, 4]),
        ("times = 2", [1, 2]),
    ],
)
def test_of_the_matching_calls_the_asked_ones_are_disturbed(
    tmp_path: Path, selection: str, disturbed: list[int]
) -> None:
    assert hits(faults(tmp_path, f'at = "s3"\nlose = true\n{selection}'), *[call()] * 5) == disturbed


@pytest.mark.verifies("faults.file")
@pytest.mark.parametrize(
    ("selector", "disturbed"),
    [
        ('at = "s3"', [1, 2, 3, 4]),
        ('at = "s3"\noperation = "GetObject"', [2]),
        ('at = "s3"\nresource = "archive/*.MP4"', [3]),
        ('at = "s3"\nresource = "archive/[ab]*"', [2]),
        ('at = "s3"\nfunction = "media_*"', [4]),
        ('at = "dynamodb"', [5]),
        ('at = "any"', [1, 2, 3, 4, 5]),
        ('at = "any"\nfunction = "video_downloader"', [1, 2, 3, 5]),
        ('at = "any"\nresource = "tracker"\nfunction = "media_lister"', []),
    ],
)
def test_only_calls_that_fit_every_selector_count(tmp_path: Path, selector: str, disturbed: list[int]) -> None:
    calls = (
        call("archive/key"),
        call("archive/a", "GetObject"),
        call("archive/2025/x.MP4"),
        call(caller=LISTER),
        call("tracker", "UpdateItem", "dynamodb"),
        call("key-arn", "Decrypt", "kms"),
    )
    assert hits(faults(tmp_path, f"{selector}\ndelay = 1"), *calls) == disturbed


@pytest.mark.verifies("faults.file")
def test_the_first_fault_wins_and_every_fault_counts_all_its_calls(tmp_path: Path) -> None:
    plan = faults(tmp_path, 'at = "s3"\nnth = 1\nstatus = 503', 'at = "s3"\nnth = [1, 2]\nlose = true')
    first, second, third = (plan.plan(call()) for _ in range(3))
    assert first.refusal is not None
    assert second.lost
    assert third == UNDISTURBED


@pytest.mark.verifies("faults.kill")
def test_the_kth_request_of_a_function_kills_it_whatever_it_is_about(tmp_path: Path) -> None:
    plan = faults(tmp_path, 'at = "any"\nfunction = "video_downloader"\nnth = 2\nkill = "after-answer"')
    calls = (
        call("secret", "GetSecretValue", "secretsmanager"),
        call(caller=LISTER),
        call("tracker", "Query", "dynamodb"),
    )
    assert [plan.plan(one).kill for one in calls] == [None, None, Kill.AFTER_ANSWER]


@pytest.mark.verifies("faults.kill")
def test_nobody_but_a_function_is_killed(tmp_path: Path) -> None:
    plan = faults(tmp_path, 'at = "s3"\nnth = 1\nkill = "request"', everyone=True)
    assert hits(plan, call(caller=None), call()) == [2]


def test_calls_of_the_sandbox_itself_are_neither_disturbed_nor_counted(tmp_path: Path) -> None:
    plan = faults(tmp_path, 'at = "s3"\nnth = 1\nlose = true')
    assert hits(plan, call(caller=None), call()) == [2]


def test_a_server_used_alone_may_disturb_everyone(tmp_path: Path) -> None:
    assert hits(faults(tmp_path, 'at = "s3"\nnth = 1\nlose = true', everyone=True), call(caller=None), call()) == [1]


@pytest.mark.verifies("faults.seed")
def test_chances_are_drawn_from_the_seed(tmp_path: Path) -> None:
    def drawn(seed: int) -> list[int]:
        return hits(faults(tmp_path, 'at = "s3"\nchance = 0.3\nlose = true', seed=seed), *[call()] * 300)

    assert drawn(1) == drawn(1) != drawn(2)
    assert 60 < len(drawn(1)) < 120


def test_counting_is_exact_under_many_threads(tmp_path: Path) -> None:
    plan = faults(tmp_path, 'at = "s3"\nnth = [10, 500, 1600]\nlose = true')
    lost: list[bool] = []
    begin = threading.Barrier(8)

    def ask() -> None:
        begin.wait()
        lost.extend(plan.plan(call()).lost for _ in range(200))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(lost) == 3
    assert [one.nth for one in plan.record.fired] == [10, 500, 1600]


@pytest.mark.verifies("faults.record")
def test_the_record_tells_what_was_done_to_whom(tmp_path: Path) -> None:
    plan = faults(tmp_path, 'at = "s3"\nnth = 2\nkill = "before-answer"', 'at = "dynamodb"\nreset_after = 9')
    plan.plan(call())
    plan.plan(call()).took_effect()
    plan.plan(call("tracker", "Query", "dynamodb", LISTER))
    assert plan.record.as_json() == [
        {
            "number": 1,
            "fault": 1,
            "kind": "kill",
            "moment": "before the answer, carried out",
            "service": "s3",
            "operation": "PutObject",
            "resource": "archive/key",
            "function": "video_downloader",
            "nth": 2,
            "took_effect": True,
        },
        {
            "number": 2,
            "fault": 2,
            "kind": "reset",
            "moment": "after 9 bytes of the answer",
            "service": "dynamodb",
            "operation": "Query",
            "resource": "tracker",
            "function": "media_lister",
            "nth": 1,
            "took_effect": False,
        },
    ]
    assert json.loads(json.dumps(plan.record.as_json())) == plan.record.as_json()


@pytest.mark.verifies("faults.record")
def test_the_summary_counts_by_kind_what_took_effect(tmp_path: Path) -> None:
    plan = faults(tmp_path, 'at = "s3"\nlose = true', 'at = "dynamodb"\nstatus = 503', 'at = "sns"\ndelay = 1')
    assert plan.record.summary() == "faults injected: 0"
    for one in (call(), call(), call("tracker", "Query", "dynamodb")):
        plan.plan(one).took_effect()
    plan.plan(call("topic", "Publish", "sns"))
    assert plan.record.summary() == "faults injected: 3 (2 x lost answer, 1 x status 503), 1 without effect"


@pytest.mark.verifies("faults.record")
def test_faults_that_never_happened_are_named(tmp_path: Path) -> None:
    plan = faults(
        tmp_path,
        'at = "s3"\nnth = 2\nlose = true',
        'at = "s3"\noperation = "GetObject"\nresource = "a/*"\nfunction = "media_lister"\nstatus = 503',
    )
    plan.plan(call())
    assert plan.never_happened() == (
        "fault 1 (lost answer at s3)",
        "fault 2 (status 503 at s3 GetObject a/* called by media_lister)",
    )
    plan.plan(call())
    assert plan.never_happened() == ("fault 2 (status 503 at s3 GetObject a/* called by media_lister)",)
