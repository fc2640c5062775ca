"""Keys: total, deterministic, injective, safe on S3 and on every disk."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloud_sync_common.models import MediaId, Medium, ObjectKey, Piece, PieceId, SecretUrl
from cloud_sync_common.rules.naming import object_key, object_name, revised_key

MEDIUM = Medium(
    media_id=MediaId("64f0aa11bb22cc33dd44ee55"),
    filename="GX010042.MP4",
    file_extension="mp4",
    file_size=1,
    type="Video",
    captured_at="2024-03-09T10:11:12Z",
    created_at="2024-05-01T00:00:00Z",
    ready_to_view="ready",
)
ANY_TEXT = st.text(st.characters(), max_size=120)
NASTY = st.text(st.sampled_from("aA.~ /\\:\x00\u202eé\u0301_0f"), max_size=16)
NAMES = st.one_of(ANY_TEXT, NASTY, st.sampled_from(["CON", "con.txt", "NUL.a.b", "medium.json", "..", ".", ""]))


ORIGINAL = Piece(PieceId("source-1"), "source", "source", 1, "GX010042.MP4", SecretUrl("https://cdn.gopro.com/x"))


def key_of(name: str, medium: Medium = MEDIUM) -> str:
    return object_key(medium, replace(ORIGINAL, filename=name))


def test_an_ordinary_name_stays_as_the_camera_gave_it() -> None:
    assert key_of("GX010042.MP4") == "gopro-videos/2024/03/64f0aa11bb22cc33dd44ee55/GX010042.MP4"


@pytest.mark.parametrize(
    "name", ["PXL 2024 (1).jpg", "Été à Nîmes.mp4", "日本.360", "a..b.mp4", "-x.mp4", "naïve & co.mov"]
)
def test_harmless_names_are_not_changed(name: str) -> None:
    assert object_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../../etc/passwd",
        "a\\b.mp4",
        "a:b.mp4",
        "x\x00.mp4",
        "x\u202e4pm.exe",
        "con",
        "CON.tar.gz",
        "lpt1.mp4",
        "COM¹.mp4",
        ".hidden.mp4",
        " leading.mp4",
        "trailing.",
        "trailing ",
        "e\u0301.mp4",
        "\ud800.mp4",
        "\uffff.mp4",
        "é" * 101 + ".mp4",
        "medium.json",
        "Medium.JSON",
        "medium.0123456789.json",
        "MEDIUM.0123456789.JSON",
        "GX010042~0123456789.MP4",
    ],
)
def test_a_name_that_some_disk_refuses_carries_a_digest_of_itself(name: str) -> None:
    assert object_name(name) != name
    assert len(object_name(name).rpartition("~")[2].split(".")[0]) == 10


def test_the_extension_survives_a_change() -> None:
    assert object_name("a/b.MP4").startswith("a_b~")
    assert object_name("a/b.MP4").endswith(".MP4")


@given(NAMES)
@example("CON." + "x" * 300)
@example("\u0301")
@example("a" * 199 + "/")
def test_every_name_becomes_one_that_every_disk_and_s3_can_hold(name: str) -> None:
    safe = object_name(name)
    assert 0 < len(safe.encode("utf-8")) <= 200
    assert not set(safe) & set('<>:"|?*\\/')
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Cs"} for character in safe)
    assert safe.strip().strip(".") == safe
    assert safe.split(".")[0].strip().lower() not in {"con", "prn", "aux", "nul", "com1", "lpt1"}
    assert unicodedata.is_normalized("NFC", safe)
    assert safe.lower() != "medium.json"
    assert object_name(name) == safe


@given(NAMES, NAMES)
def test_two_different_names_never_meet(one: str, other: str) -> None:
    assert (object_name(one) == object_name(other)) == (one == other)


@given(NAMES)
def test_a_changed_name_used_as_a_name_does_not_meet_its_origin(name: str) -> None:
    changed = object_name(name)
    if changed != name:
        assert object_name(changed) != changed


@given(NAMES, NAMES, NAMES, NAMES)
def test_two_pieces_share_a_key_only_if_medium_and_name_are_the_same(
    id1: str, name1: str, id2: str, name2: str
) -> None:
    key1 = key_of(name1, replace(MEDIUM, media_id=MediaId(id1)))
    key2 = key_of(name2, replace(MEDIUM, media_id=MediaId(id2)))
    assert (key1 == key2) == ((id1, name1) == (id2, name2))
    assert key1.count("/") == 4
    assert len(key1.encode()) <= 422


@pytest.mark.parametrize(
    ("captured_at", "created_at", "folder"),
    [
        ("2016-01-01T00:00:04Z", None, "2016/01"),
        ("2023-12-31T23:59:59-11:00", None, "2023/12"),
        (None, "2024-05-01T00:00:00Z", "2024/05"),
        ("1970-01-01T00:00:00Z", "2024-05-01T00:00:00Z", "2024/05"),
        ("1904-01-01T00:00:00Z", None, "undated"),
        ("2101-01-01T00:00:00Z", None, "undated"),
        ("2024-13-01T00:00:00Z", None, "undated"),
        ("2024-00-01", "nonsense", "undated"),
        ("\u0662\u0660\u0662\u0664-03-01", None, "undated"),
        ("", "", "undated"),
        (None, None, "undated"),
    ],
)
def test_the_folder_is_the_month_that_gopro_wrote_and_never_today(
    captured_at: str | None, created_at: str | None, folder: str
) -> None:
    medium = replace(MEDIUM, captured_at=captured_at, created_at=created_at)
    assert key_of("a.mp4", medium) == f"gopro-videos/{folder}/{MEDIUM.media_id}/a.mp4"


@given(st.one_of(st.none(), st.text(max_size=30)), st.one_of(st.none(), st.text(max_size=30)))
def test_any_date_at_all_gives_a_folder(captured_at: str | None, created_at: str | None) -> None:
    assert key_of("a.mp4", replace(MEDIUM, captured_at=captured_at, created_at=created_at)).startswith("gopro-videos/")


def test_a_changed_source_is_archived_beside_the_old_one() -> None:
    key = ObjectKey("gopro-videos/2026/01/m1/GX010042.MP4")
    assert revised_key(key, ORIGINAL, "0123456789abcdef") == "gopro-videos/2026/01/m1/GX010042.changed-0123456789.MP4"
    assert revised_key(key, ORIGINAL, "0123456789") != revised_key(key, ORIGINAL, "abcdef0123")


def test_a_source_that_changes_again_gets_one_mark_not_two() -> None:
    key = ObjectKey("gopro-videos/2026/01/m1/GX010042.MP4")
    again = revised_key(revised_key(key, ORIGINAL, "0123456789abcdef"), ORIGINAL, "fedcba9876543210")
    assert again == "gopro-videos/2026/01/m1/GX010042.changed-fedcba9876.MP4"


@pytest.mark.parametrize("name", ["my.changed-plan.MP4", "x.changed-0123456789.cut.MP4", "changed-0123456789.MP4"])
def test_a_name_that_only_looks_marked_is_kept(name: str) -> None:
    stem = name.removesuffix(".MP4")
    key = ObjectKey(f"gopro-videos/2026/01/m1/{name}")
    assert revised_key(key, ORIGINAL, "fedcba9876543210") == f"gopro-videos/2026/01/m1/{stem}.changed-fedcba9876.MP4"


def test_a_long_name_keeps_its_mark_and_its_bounds() -> None:
    key = ObjectKey(f"gopro-videos/2026/01/m1/{'n' * 196}.MP4")
    name = revised_key(key, ORIGINAL, "0123456789abcdef").rpartition("/")[2]
    assert len(name) <= 200
    assert name.endswith(".MP4")
    assert revised_key(key, ORIGINAL, "0123456789") != revised_key(key, ORIGINAL, "abcdef0123")


RECORD = Piece(PieceId("record-1"), "record", "record", 1, "medium.json", SecretUrl(""))


def test_the_record_of_a_medium_lies_beside_its_pieces_and_so_do_later_ones() -> None:
    key = object_key(MEDIUM, RECORD)
    assert key == f"gopro-videos/2024/03/{MEDIUM.media_id}/medium.json"
    later = revised_key(key, RECORD, "0123456789abcdef")
    assert later == f"gopro-videos/2024/03/{MEDIUM.media_id}/medium.0123456789.json"
    assert revised_key(later, RECORD, "fedcba9876543210").endswith("/medium.fedcba9876.json")


@given(NAMES, st.text("0123456789abcdef", min_size=10, max_size=64))
@example("medium.json", "0" * 10)
@example("medium.0123456789.json", "0123456789")
def test_no_file_has_the_name_of_a_record(name: str, digest: str) -> None:
    records = {object_key(MEDIUM, RECORD), revised_key(object_key(MEDIUM, RECORD), RECORD, digest)}
    assert key_of(name).casefold() not in records
    assert revised_key(ObjectKey(key_of(name)), ORIGINAL, digest).casefold() not in records
