"""What an archived object carries besides its bytes."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlencode

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloud_sync_common.models import MediaId, PieceId
from cloud_sync_common.rules.attributes import (
    SIDE_FILE_BYTES,
    content_type,
    idempotency_token,
    is_media_name,
    is_this_piece,
    object_metadata,
    object_tags,
    storage_class_for,
)
from tests.support.media import URL, medium, piece, source

S3_METADATA_LIMIT = 2_048
"""Bytes of all names and values (S3 user guide, UsingMetadata)."""

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
long_words = st.builds(lambda word, times: word * times, words, st.sampled_from([1, 30, 200]))


def test_metadata_says_what_the_object_is() -> None:
    metadata = object_metadata(medium(camera_model="HERO12 Black"), piece(), source())
    token = metadata.pop("idempotency-token")
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert metadata == {
        "source-media-id": "m1",
        "provider": "gopro",
        "piece": "source-1",
        "quality": "source",
        "original-filename": "GX010042.MP4",
        "captured-at": "2026-01-31T12:00:00Z",
        "camera-model": "HERO12 Black",
        "media-type": "Video",
        "source-etag": '"v1"',
    }


def test_what_gopro_does_not_know_is_left_out() -> None:
    metadata = object_metadata(medium(captured_at=None), piece(), source(validator=None))
    assert not {"captured-at", "camera-model", "source-etag"} & set(metadata)


def test_no_url_is_in_the_metadata() -> None:
    assert not any("c4n4ry" in value or URL in value for value in object_metadata(medium(), piece(), source()).values())


@given(long_words)
def test_metadata_is_printable_ascii_without_blank_ends(word: str) -> None:
    for value in object_metadata(medium(type=word), piece(filename=word), source()).values():
        assert value.isascii()
        assert value.isprintable()
        assert value == " ".join(value.split())


@given(st.one_of(words, st.text(st.characters(), max_size=60), st.text(st.sampled_from(" %a\u00e9"), max_size=9)))
@example("  two  blanks  ")
@example("\ud800 half a pair")
@example("\u65e5" * 66)
def test_every_file_name_can_be_read_back_whole(word: str) -> None:
    stored = object_metadata(medium(), piece(filename=word), source()).get("original-filename", "")
    assert unquote(stored, errors="surrogatepass") == word
    assert stored == stored.strip(), "HTTP takes away blanks at both ends"
    assert "  " not in stored, "signing makes one blank of several"


def test_a_name_of_any_length_that_disks_take_can_be_read_back() -> None:
    name = "\u65e5" * 85
    stored = object_metadata(medium(camera_model="HERO12 Black"), piece(filename=name), source())
    assert unquote(stored["original-filename"]) == name


def test_a_name_beyond_all_bounds_is_cut_and_keeps_six_hundred_bytes_at_least() -> None:
    long = "\u65e5" * 500
    crowded = medium(long, type=long, camera_model=long, captured_at=long)
    name = object_metadata(crowded, piece(long, filename=long, quality=long), source(validator=long))
    assert 600 <= len(name["original-filename"]) < len(long) * 9


@given(long_words)
def test_metadata_never_exceeds_what_s3_takes(word: str) -> None:
    metadata = object_metadata(
        medium(word, type=word, camera_model=word, captured_at=word),
        piece(word, filename=word, quality=word),
        source(validator=f'"{word}"'),
    )
    assert sum(len("x-amz-meta-") + len(name) + len(value) for name, value in metadata.items()) <= S3_METADATA_LIMIT


@given(long_words)
def test_a_value_is_never_cut_within_an_encoded_character(word: str) -> None:
    stored = object_metadata(medium(), piece(filename=word), source()).get("original-filename", "")
    assert "�" not in unquote(stored.replace("%EF%BF%BD", ""))
    assert not re.search("%(?![0-9A-F]{2})", stored)


def test_the_token_is_the_same_on_every_retry() -> None:
    assert idempotency_token(MediaId("m1"), PieceId("p"), source()) == idempotency_token(
        MediaId("m1"), PieceId("p"), source(is_media=True, ranges=False)
    )


def test_the_token_is_another_for_other_bytes() -> None:
    tokens = {
        idempotency_token(MediaId("m1"), PieceId("source-1"), source()),
        idempotency_token(MediaId("m2"), PieceId("source-1"), source()),
        idempotency_token(MediaId("m1"), PieceId("source-2"), source()),
        idempotency_token(MediaId("m1"), PieceId("source-1"), source(validator='"v2"')),
        idempotency_token(MediaId("m1"), PieceId("source-1"), source(validator=None)),
        idempotency_token(MediaId("m1"), PieceId("source-1"), source(1_001)),
        idempotency_token(MediaId("m1"), PieceId("source-1"), source(None)),
    }
    assert len(tokens) == 7


def test_tags_are_the_contracts() -> None:
    tags = object_tags(medium(), piece(quality="high_res_proxy_mp4"))
    assert tags == {"Source": "GoPro", "AutoSync": "True", "Quality": "high_res_proxy_mp4", "MediaType": "Video"}


@given(long_words)
def test_a_type_of_gopros_becomes_a_tag_that_s3_takes(word: str) -> None:
    value = object_tags(medium(type=word), piece())["MediaType"]
    assert 1 <= len(value) <= 256
    assert all(character.isalnum() or character in " +-=._:/@" for character in value)
    assert parse_qs(urlencode({"MediaType": value})) == {"MediaType": [value]}


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("GX010042.MP4", "video/mp4"),
        ("GS010042.360", "video/mp4"),
        ("GL010042.LRV", "video/mp4"),
        ("GOPR0001.JPG", "image/jpeg"),
        ("GOPR0001.GPR", "image/x-gopro-gpr"),
        ("GX010042.wav", "audio/x-wav"),
        ("noextension", "application/octet-stream"),
        ("odd.zzz", "application/octet-stream"),
    ],
)
def test_the_content_type_comes_from_the_extension(filename: str, expected: str) -> None:
    assert content_type(filename) == expected


@pytest.mark.parametrize("filename", ["a.MP4", "a.360", "a.lrv", "a.JPG", "a.gpr", "a.wav", "a.heic"])
def test_videos_photos_and_sounds_are_media(filename: str) -> None:
    assert is_media_name(filename)


@pytest.mark.parametrize("filename", ["a.gpx", "a.json", "a.txt", "a.html", "a.zip", "a.thm", "noextension", ""])
def test_other_files_are_not(filename: str) -> None:
    assert not is_media_name(filename)


def test_small_side_files_stay_out_of_the_archive_class() -> None:
    assert storage_class_for(SIDE_FILE_BYTES - 1, "GLACIER_IR") == "STANDARD"
    assert storage_class_for(SIDE_FILE_BYTES, "GLACIER_IR") == "GLACIER_IR"
    assert storage_class_for(None, "GLACIER_IR") == "GLACIER_IR"


@pytest.mark.parametrize("media_id", ["m1", "é 1", "%41"])
def test_an_object_is_recognised_by_its_own_metadata(media_id: str) -> None:
    metadata = object_metadata(medium(media_id), piece(), source())
    assert is_this_piece(metadata, MediaId(media_id), PieceId("source-1"))
    assert not is_this_piece(metadata, MediaId(media_id), PieceId("source-2"))
    assert not is_this_piece(metadata, MediaId("another"), PieceId("source-1"))
    assert not is_this_piece({}, MediaId(media_id), PieceId("source-1"))
