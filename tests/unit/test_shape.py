"""What is shown of an answer that nobody knows: keys and types, never a value."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.errors import SchemaChanged
from cloud_sync_common.rules.shape import shape_of, showing_the_shape_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=40), inner, max_size=8),
    max_leaves=40,
)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (
            {"id": "x", "size": 1, "ok": True, "none": None, "f": 1.5},
            "{id: str, size: int, ok: bool, none: null, f: float}",
        ),
        ([{"url": "https://x"}, {"url": "y"}], "[2 of {url: str}]"),
        ([], "[0]"),
        ({}, "{}"),
        ("text", "str"),
    ],
)
def test_keys_and_types_are_shown(value: object, shape: str) -> None:
    assert shape_of(value) == shape


@pytest.mark.parametrize(
    "key", ["eyJhbGciOiJIUzI1NiJ9", "c4n4ry", "5f1e0c7d9a", "a b", "x" * 25, "line\nbreak", "\u00e9"]
)
def test_a_key_that_may_be_a_value_is_shown_by_its_length(key: str) -> None:
    assert shape_of({key: 1}) == f"{{<{len(key)} characters>: int}}"


@pytest.mark.parametrize("key", ["_embedded", "captured_at_timezone", "high_res_proxy_mp4", "sidecar_files", "Error"])
def test_a_key_like_gopros_own_is_shown(key: str) -> None:
    assert shape_of({key: None}) == f"{{{key}: null}}"


def test_the_deepest_levels_are_left_out_first() -> None:
    row = {f"field_{letter}": {"inner": [1]} for letter in "abcdefghij"}
    shown = shape_of({"_embedded": {"media": [row]}, "_pages": {"per_page": 1}}, most=400)
    assert shown.startswith("{_embedded: {media: [1 of {field_a: {")
    assert "field_j: {inner: [1 of int]}" in shown
    assert shape_of({"_embedded": {"media": [row]}, "_pages": {"per_page": 1}}, most=80) == (
        "{_embedded: {media: [1 of {10 keys}]}, _pages: {per_page: int}}"
    )


@given(JSON)
def test_any_document_has_a_short_shape_on_one_line_without_its_texts(value: object) -> None:
    shown = shape_of({"marker": value, "secret": "c4n4ry"}, most=200)
    assert len(shown) <= 200
    assert "\n" not in shown
    assert "c4n4ry" not in shown


def test_a_document_nested_without_end_is_shown() -> None:
    nested: Any = []
    for _ in range(100_000):
        nested = [nested]
    assert len(shape_of(nested)) < 100


def test_only_a_changed_schema_is_told_what_was_seen() -> None:
    with pytest.raises(SchemaChanged, match=r"^no list; seen: \{a: int\}$") as error, showing_the_shape_of({"a": 1}):
        raise SchemaChanged("no list", status=200)
    assert error.value.status == 200
    with pytest.raises(ValueError, match=r"^other$"), showing_the_shape_of({"a": 1}):
        raise ValueError("other")
