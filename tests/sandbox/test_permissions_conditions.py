"""Condition blocks as IAM documents them: every operator with a value that meets it and one that does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.aws.permissions.conditions import holds, parse
from sandbox.aws.permissions.model import PermissionsError

TEXT = st.text(alphabet="ab*?/", max_size=4)
OPERATORS = ["StringEquals", "StringLike", "StringEqualsIgnoreCase"]


def met(operator: str, key: str, wanted: object, *given: str) -> bool:
    """Tell whether one condition is met by a request with these values of its key."""
    [condition] = parse({operator: {key: wanted}}, "p")
    return holds(condition, {key.lower(): given} if given else {})


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "meets", "misses"),
    [
        ("StringEquals", "s3:prefix", "a", "a", "A"),
        ("StringEquals", "s3:prefix", ["a", "b"], "b", "c"),
        ("StringNotEquals", "s3:prefix", ["a", "b"], "c", "b"),
        ("StringEqualsIgnoreCase", "s3:prefix", "a", "A", "b"),
        ("StringNotEqualsIgnoreCase", "s3:prefix", "a", "b", "A"),
        ("StringLike", "s3:prefix", "media/*", "media/x/y", "runs/x"),
        ("StringLike", "s3:prefix", "m?", "ma", "m"),
        ("StringNotLike", "s3:prefix", "media/*", "runs/x", "media/x"),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::1:role/*", "arn:aws:iam::1:role/a/b", "arn:aws:iam::2:role/a"),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/a", "arn:aws:iam::1:role/a", "arn:aws:iam::1:x:role/a"),
        ("ArnNotEquals", "aws:PrincipalArn", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/b", "arn:aws:iam::1:role/a"),
        ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::1:role/*", "arn:aws:iam::2:role/b", "arn:aws:iam::1:role/a"),
        ("Bool", "aws:SecureTransport", False, "false", "true"),
        ("NumericLessThan", "s3:TlsVersion", 1.2, "1.1", "1.2"),
        ("NumericLessThanEquals", "s3:TlsVersion", 1.2, "1.2", "1.3"),
        ("NumericGreaterThan", "s3:max-keys", "10", "11", "10"),
        ("NumericGreaterThanEquals", "s3:max-keys", "10", "10", "9"),
        ("NumericEquals", "s3:max-keys", "10", "10.0", "x"),
        ("NumericNotEquals", "s3:max-keys", "10", "11", "10"),
    ],
)
@pytest.mark.verifies("permissions.conditions")
def test_an_operator_compares(operator: str, key: str, wanted: object, meets: str, misses: str) -> None:
    assert met(operator, key, wanted, meets)
    assert not met(operator, key, wanted, misses)


def test_null_asks_whether_the_key_is_there() -> None:
    assert met("Null", "s3:prefix", "true")
    assert not met("Null", "s3:prefix", "true", "x")
    assert met("Null", "s3:prefix", "false", "x")
    assert not met("Null", "s3:prefix", "false")


def test_an_absent_key_meets_only_negated_operators_and_if_exists() -> None:
    assert not met("StringEquals", "s3:prefix", "a")
    assert met("StringNotEquals", "s3:prefix", "a")
    assert met("StringEqualsIfExists", "s3:prefix", "a")
    assert not met("StringEqualsIfExists", "s3:prefix", "a", "b")
    assert not met("Bool", "aws:SecureTransport", "false")


def test_set_operators_look_at_every_value() -> None:
    key = "dynamodb:LeadingKeys"
    assert met("ForAllValues:StringEquals", key, ["a", "b"], "a", "b")
    assert not met("ForAllValues:StringEquals", key, ["a", "b"], "a", "c")
    assert met("ForAllValues:StringEquals", key, "a")
    assert met("ForAnyValue:StringEquals", key, "a", "a", "c")
    assert not met("ForAnyValue:StringEquals", key, "a", "c")
    assert not met("ForAnyValue:StringEquals", key, "a")
    assert not met("ForAnyValue:StringNotEquals", key, "a")
    assert met("ForAllValues:StringNotEquals", key, "a", "b", "c")
    assert not met("ForAllValues:StringNotEquals", key, "a", "a", "c")


def test_every_condition_of_a_block_becomes_one() -> None:
    block = {"StringEquals": {"s3:prefix": "a", "s3:delimiter": "/"}, "Bool": {"aws:SecureTransport": "true"}}
    assert len(parse(block, "p")) == 3


@pytest.mark.verifies("permissions.conditions")
@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"DateLessThan": {"s3:prefix": "a"}}, "condition operator DateLessThan is not known"),
        ({"StringEquals": {"aws:SourceIp": "a"}}, "condition key aws:SourceIp is not known"),
        ({"ForSomeValues:StringEquals": {"s3:prefix": "a"}}, "operator ForSomeValues:StringEquals is not known"),
        ({"NullIfExists": {"s3:prefix": "true"}}, "operator NullIfExists is not known"),
        ({"Null": {"s3:prefix": "yes"}}, "Null takes true or false"),
        ({"StringEquals": {"s3:prefix": "${aws:username}"}}, "policy variables are not known"),
        ({"StringEquals": {"dynamodb:LeadingKeys": "a"}}, "use ForAllValues or ForAnyValue"),
        ({"NumericLessThan": {"s3:max-keys": "many"}}, "compares numbers"),
        ({"StringEquals": "a"}, "must hold keys"),
        ("a", "must be an object"),
    ],
)
@pytest.mark.verifies("permissions.conditions")
def test_what_is_not_known_is_refused_by_name(block: object, message: str) -> None:
    with pytest.raises(PermissionsError, match=f"^p: .*{message}"):
        parse(block, "p")


@given(operator=st.sampled_from(OPERATORS), wanted=st.lists(TEXT, min_size=1, max_size=3), value=TEXT)
def test_a_negated_operator_is_the_opposite(operator: str, wanted: list[str], value: str) -> None:
    negated = operator.replace("String", "StringNot")
    assert met(operator, "s3:prefix", wanted, value) != met(negated, "s3:prefix", wanted, value)


@given(operator=st.sampled_from(OPERATORS), wanted=TEXT, value=TEXT)
def test_if_exists_changes_nothing_for_a_key_that_is_there(operator: str, wanted: str, value: str) -> None:
    assert met(operator, "s3:prefix", wanted, value) == met(f"{operator}IfExists", "s3:prefix", wanted, value)


@given(wanted=st.lists(TEXT, min_size=1, max_size=3), values=st.lists(TEXT, min_size=1, max_size=3))
def test_any_value_is_weaker_than_all_values(wanted: list[str], values: list[str]) -> None:
    key = "dynamodb:LeadingKeys"
    if met("ForAllValues:StringEquals", key, wanted, *values):
        assert met("ForAnyValue:StringEquals", key, wanted, *values)
