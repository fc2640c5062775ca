"""CRC64NVME: the whole object's checksum out of its parts'."""

from __future__ import annotations

import base64
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_sync_common.transfer.checksums import Crc64Nvme, combine, decode, encode


def _crc(data: bytes) -> str:
    crc = Crc64Nvme()
    crc.update(data)
    return crc.base64


def test_the_known_check_value_comes_out() -> None:
    # The check value of CRC-64/NVME in the catalogue of parametrised CRC algorithms.
    assert decode(_crc(b"123456789")) == 0xAE8B14860A799888


def test_nothing_has_the_checksum_zero() -> None:
    assert _crc(b"") == encode(0) == combine([])


@given(st.binary(max_size=3_000), st.lists(st.integers(0, 3_000), max_size=6))
def test_parts_combine_to_the_whole_for_any_cuts(data: bytes, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(ends)]
    assert combine((_crc(one), len(one)) for one in pieces) == _crc(data)


@given(st.binary(min_size=2, max_size=200), st.integers(1, 199))
def test_chunks_taken_in_one_after_the_other_are_the_whole(data: bytes, cut: int) -> None:
    crc = Crc64Nvme()
    crc.update(bytearray(data[:cut]))
    crc.update(memoryview(data)[cut:])
    assert crc.base64 == _crc(data)


@given(st.binary(min_size=1, max_size=50), st.binary(min_size=1, max_size=50))
def test_the_order_of_parts_matters(one: bytes, other: bytes) -> None:
    swapped = combine([(_crc(other), len(other)), (_crc(one), len(one))])
    assert swapped == _crc(other + one)
    assert (swapped == _crc(one + other)) == (one + other == other + one)


@given(st.integers(0, 2**64 - 1))
def test_s3s_form_can_be_read_back(value: int) -> None:
    assert decode(encode(value)) == value
    assert len(encode(value)) == 12


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", base64.b64encode(bytes(9)).decode()])
def test_what_is_no_crc64nvme_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"CRC64NVME|base64|padding|Only"):
        decode(text)
