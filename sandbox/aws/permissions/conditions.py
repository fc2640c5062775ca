"""Condition blocks, as IAM documents them; an operator or a key that is not known here is refused, never ignored.

Source: IAM user guide, "IAM JSON policy elements: Condition operators" and "Set operators for multivalued context
keys"; the keys are those of the service authorization reference that the sandbox can tell the value of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.aws.permissions.model import Condition, Context, PermissionsError
from sandbox.aws.permissions.patterns import arn_matches, matches

MULTIVALUED = frozenset({"dynamodb:leadingkeys"})
"""Keys that have several values in one request; IAM wants a set operator for them."""

KNOWN_KEYS = MULTIVALUED | {
    "aws:principalaccount",
    "aws:principalarn",
    "aws:requestedregion",
    "aws:securetransport",
    "aws:sourceaccount",
    "aws:sourcearn",
    "kms:calleraccount",
    "kms:viaservice",
    "lambda:sourcefunctionarn",
    "s3:delimiter",
    "s3:if-none-match",
    "s3:max-keys",
    "s3:objectcreationoperation",
    "s3:prefix",
    "s3:tlsversion",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-storage-class",
}
"""In lower case: condition keys are compared without regard to case."""

_KEY_PREFIX = "kms:encryptioncontext:"
_IF_EXISTS = "IfExists"
_ALL, _ANY = "ForAllValues", "ForAnyValue"


@dataclass(frozen=True, slots=True)
class _Operator:
    """``compare(policy's value, request's value)``; a negated one holds when no value compares."""

    compare: Callable[[str, str], bool]
    negated: bool = False
    numeric: bool = False


def _numeric(compare: Callable[[float, float], bool], *, negated: bool = False) -> _Operator:
    def text(wanted: str, given: str) -> bool:
        try:
            return compare(float(given), float(wanted))
        except ValueError:
            return False  # a request's value that is no number matches nothing

    return _Operator(text, negated, numeric=True)


def _same(wanted: str, given: str) -> bool:
    return wanted == given


def _same_but_case(wanted: str, given: str) -> bool:
    return wanted.casefold() == given.casefold()


_OPERATORS: Mapping[str, _Operator] = {
    "StringEquals": _Operator(_same),
    "StringNotEquals": _Operator(_same, negated=True),
    "StringEqualsIgnoreCase": _Operator(_same_but_case),
    "StringNotEqualsIgnoreCase": _Operator(_same_but_case, negated=True),
    "StringLike": _Operator(matches),
    "StringNotLike": _Operator(matches, negated=True),
    "ArnEquals": _Operator(arn_matches),
    "ArnLike": _Operator(arn_matches),
    "ArnNotEquals": _Operator(arn_matches, negated=True),
    "ArnNotLike": _Operator(arn_matches, negated=True),
    "Bool": _Operator(_same_but_case),
    "NumericEquals": _numeric(lambda given, wanted: given == wanted),
    "NumericNotEquals": _numeric(lambda given, wanted: given == wanted, negated=True),
    "NumericLessThan": _numeric(lambda given, wanted: given < wanted),
    "NumericLessThanEquals": _numeric(lambda given, wanted: given <= wanted),
    "NumericGreaterThan": _numeric(lambda given, wanted: given > wanted),
    "NumericGreaterThanEquals": _numeric(lambda given, wanted: given >= wanted),
}
_NULL = "Null"


def parse(block: Any, source: str) -> tuple[Condition, ...]:
    """Return the conditions of a Condition block; ``PermissionsError`` names whatever is not known."""
    if not isinstance(block, Mapping):
        raise PermissionsError(f"{source}: Condition must be an object")
    found = []
    for operator, keys in block.items():
        _check_operator(operator, source)
        if not isinstance(keys, Mapping):
            raise PermissionsError(f"{source}: condition operator {operator} must hold keys")
        for key, values in keys.items():
            condition = Condition(operator, key, _texts(values))
            _check(condition, source)
            found.append(condition)
    return tuple(found)


def holds(condition: Condition, context: Context) -> bool:
    """Tell whether a parsed condition is met by a request's context (whose keys are in lower case)."""
    given = context.get(condition.key.lower(), ())
    if condition.operator == _NULL:
        return bool(given) != (condition.values[0].lower() == "true")
    quantifier, base, if_exists = _parts(condition.operator)
    operator = _OPERATORS[base]
    if not given:
        # A negated operator is met by an absent key; ForAllValues is met by no values, ForAnyValue never.
        return if_exists or quantifier == _ALL or (quantifier is None and operator.negated)
    answers = [
        any(operator.compare(wanted, value) for wanted in condition.values) != operator.negated for value in given
    ]
    return any(answers) if quantifier == _ANY else all(answers)


def _parts(operator: str) -> tuple[str | None, str, bool]:
    quantifier, colon, rest = operator.partition(":")
    base = rest if colon else operator
    return (quantifier if colon else None), base.removesuffix(_IF_EXISTS), base.endswith(_IF_EXISTS)


def _check_operator(operator: str, source: str) -> None:
    quantifier, base, _ = _parts(operator)
    if operator != _NULL and (quantifier not in (None, _ALL, _ANY) or base not in _OPERATORS):
        raise PermissionsError(f"{source}: condition operator {operator} is not known to the sandbox")


def _check(condition: Condition, source: str) -> None:
    key = condition.key.lower()
    if key not in KNOWN_KEYS and not key.startswith(_KEY_PREFIX):
        raise PermissionsError(f"{source}: condition key {condition.key} is not known to the sandbox")
    if any("${" in value for value in condition.values):
        raise PermissionsError(f"{source}: policy variables are not known to the sandbox ({condition})")
    if condition.operator == _NULL:
        if [value.lower() for value in condition.values] not in (["true"], ["false"]):
            raise PermissionsError(f"{source}: Null takes true or false ({condition})")
        return
    quantifier, base, _ = _parts(condition.operator)
    if key in MULTIVALUED and quantifier is None:
        raise PermissionsError(f"{source}: {condition.key} has many values; use ForAllValues or ForAnyValue")
    if _OPERATORS[base].numeric and not all(_is_number(value) for value in condition.values):
        raise PermissionsError(f"{source}: {condition.operator} compares numbers ({condition})")


def _texts(values: Any) -> tuple[str, ...]:
    listed = values if isinstance(values, list) else [values]
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in listed)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
