"""EventBridge's patterns: exact values and prefixes as documented, every other operator refused."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.aws.event_pattern import matches, problem_of

EVENT = {
    "source": "aws.secretsmanager",
    "detail-type": "Secret Label Updated",
    "resources": ["arn:a", "arn:b"],
    "detail": {"name": "gopro/credentials", "labelUpdated": "AWSCURRENT", "count": 1, "none": None, "yes": True},
}


@pytest.mark.parametrize(
    ("pattern", "matching"),
    [
        ({"source": ["aws.secretsmanager"]}, True),
        ({"source": ["aws.s3"]}, False),
        ({"source": ["aws.s3", "aws.secretsmanager"]}, True),
        ({"source": ["aws.secretsmanager"], "detail-type": ["Another"]}, False),
        ({"detail": {"name": ["gopro/credentials"], "labelUpdated": ["AWSCURRENT"]}}, True),
        ({"detail": {"name": ["gopro/credentials"], "labelUpdated": ["AWSPENDING"]}}, False),
        ({"detail": {"name": ["GoPro/credentials"]}}, False),
        ({"detail": {"name": [{"prefix": "gopro/"}]}}, True),
        ({"detail": {"name": [{"prefix": "other/"}]}}, False),
        ({"detail": {"count": [{"prefix": "1"}]}}, False),
        ({"detail": {"count": [1]}}, True),
        ({"detail": {"count": ["1"]}}, False),
        ({"detail": {"yes": [1]}}, False),
        ({"detail": {"none": [None]}}, True),
        ({"detail": {"absent": [None]}}, False),
        ({"resources": ["arn:b"]}, True),
        ({"resources": ["arn:c"]}, False),
        ({"source": {"deeper": ["x"]}}, False),
    ],
)
@pytest.mark.verifies("events.patterns")
def test_an_event_matches_by_all_fields_and_one_value_of_each(pattern: dict[str, Any], matching: bool) -> None:
    assert problem_of(pattern) is None
    assert matches(pattern, EVENT) is matching


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ({"source": [{"suffix": "x"}]}, "the pattern's source: suffix is not known"),
        ({"detail": {"name": [{"anything-but": ["x"]}]}}, "the pattern's detail.name: anything-but is not known"),
        ({"source": [{"prefix": {"equals-ignore-case": "x"}}]}, "the pattern's source: prefix is not known"),
        ({"source": [["x"]]}, "the pattern's source: a list in a list is not known"),
        ({"$or": [{"source": ["x"]}]}, "pattern operator $or is not known"),
        ({"source": "aws.s3"}, "the pattern's source must be a list of values"),
        ({"source": []}, "the pattern's source must be a list of values"),
        ({}, "must be an object with at least one field"),
        (None, "must be an object with at least one field"),
    ],
)
@pytest.mark.verifies("events.patterns")
def test_what_cannot_be_matched_is_named(pattern: Any, says: str) -> None:
    assert says in str(problem_of(pattern))
