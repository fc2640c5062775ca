"""Every expression that DynamoDB gets: moto takes a bare reserved word, DynamoDB refuses it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import moto.dynamodb
import pytest

from cloud_sync_common.edges.run_ledger import RunLedger
from cloud_sync_common.edges.tracker import Tracker
from cloud_sync_common.models import MediaId, PieceId, Status
from cloud_sync_common.rules.media_rows import listing_facts
from tests.support.aws import Account, make_client
from tests.support.media import medium

M1, P1 = MediaId("m1"), PieceId("source-1")
RESERVED = frozenset(
    (Path(moto.dynamodb.__file__).parent / "parsing" / "reserved_keywords.txt").read_text().upper().split()
)
SYNTAX = frozenset({"SET", "REMOVE", "ADD", "AND", "OR", "NOT", "IN", "BETWEEN"})
FUNCTION = re.compile(r"\w+(?=\s*\()")
BARE_WORD = re.compile(r"(?<![#:\w])[A-Za-z_]\w*")
CLAIM: dict[str, Any] = {"seen": 0, "owner": "r", "now": 1, "expires": 2, "facts": {"run_id": "r"}}

TRACKER: dict[str, Callable[[Tracker], object]] = {
    "record_listing": lambda tracker: tracker.record_listing(M1, {**listing_facts(medium()), "listed_at": "now"}),
    "forget_synced": lambda tracker: tracker.forget_synced(M1),
    "claim": lambda tracker: tracker.claim(M1, **CLAIM),
    "update_medium": lambda tracker: tracker.update_medium(M1, 1, {"stalled_passes": 1}),
    "write_piece": lambda tracker: tracker.write_piece(M1, P1, 1, {"key": "k", "position": 1, "label": None}),
    "medium": lambda tracker: tracker.medium(M1),
    "media": lambda tracker: tracker.media([M1]),
    "synced_facts": lambda tracker: tracker.synced_facts([M1]),
    "piece": lambda tracker: tracker.piece(M1, P1),
    "pieces": lambda tracker: tracker.pieces(M1),
    "touched_by": lambda tracker: list(tracker.touched_by("r")),
    "fail_unfinished": lambda tracker: tracker.fail_unfinished(M1, run_id="r", seen=1, now=3, facts={"reason": "x"}),
    "finish_medium": lambda tracker: tracker.finish_medium(M1, 2, Status.COMPLETED, {"reason": None, "note": "x"}),
}
LEDGER: dict[str, Callable[[RunLedger], object]] = {
    "begin": lambda ledger: ledger.begin("r", {"expires_at": 1, "execution_arn": "arn"}),
    "run": lambda ledger: ledger.run("r"),
    "raise_stop_flag": lambda ledger: ledger.raise_stop_flag("r", "SchemaChanged", "why"),
    "pause": lambda ledger: ledger.pause("r", 5),
    "count_odd_medium": lambda ledger: ledger.count_odd_medium("r", "m1"),
    "end": lambda ledger: ledger.end("r", {"status": "FAILED", "counts": {}}),
    "take_lock": lambda ledger: ledger.take_lock("arn", {"run_id": "r"}, instead_of="gone"),
    "lock": lambda ledger: ledger.lock(),
    "release_lock": lambda ledger: ledger.release_lock("arn"),
}


def _public(kind: type) -> set[str]:
    return {name for name in vars(kind) if not name.startswith("_")}


def _expressions(value: object) -> Iterator[str]:
    """Every expression of a request, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name.endswith("Expression"):
                yield str(inner)
            else:
                yield from _expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _expressions(inner)


@contextmanager
def _sent_expressions() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        seen.extend(_expressions(json.loads(params["body"])))

    events = make_client("dynamodb").meta.events
    events.register("before-call.dynamodb", note, unique_id="expressions")
    try:
        yield seen
    finally:
        events.unregister("before-call.dynamodb", unique_id="expressions")


def _reserved_words(expression: str) -> set[str]:
    words = set(BARE_WORD.findall(expression)) - set(FUNCTION.findall(expression))
    return {word for word in words if word.upper() in RESERVED - SYNTAX}


def test_the_list_of_reserved_words_is_the_one_that_dynamodb_publishes() -> None:
    assert len(RESERVED) > 500
    assert {"RECORD", "STATUS", "SCHEMA", "POSITION", "SIZE", "KEY"} <= RESERVED
    assert _reserved_words("record = :record") == {"record"}


def test_every_call_of_tracker_and_ledger_has_an_example_here() -> None:
    assert (set(TRACKER), set(LEDGER)) == (_public(Tracker), _public(RunLedger))


def test_no_expression_names_an_attribute_by_a_reserved_word(aws: Account) -> None:
    with _sent_expressions() as seen:
        for ask in TRACKER.values():
            ask(aws.tracker)
        for tell in LEDGER.values():
            tell(aws.ledger)
    assert len(seen) >= 15
    assert {expression: _reserved_words(expression) for expression in seen if _reserved_words(expression)} == {}


@pytest.mark.parametrize("names", [("media_id", "record", "status", "position", "size")])
def test_what_is_projected_goes_through_placeholders_that_are_all_defined(aws: Account, names: tuple[str, ...]) -> None:
    aws.tracker.claim(M1, **CLAIM)
    with _sent_expressions() as seen:
        (row,) = aws.table.batch_get([("m1", "MEDIUM")], names)
    assert row == {"media_id": "m1", "record": "MEDIUM", "status": "IN_PROGRESS"}
    assert seen == ["#media_id, #record, #status, #position, #size"]
