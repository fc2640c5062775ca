"""docs/MEDIA.md says what arrives of every medium, and is what the pipeline really does: written and compared here."""

from __future__ import annotations

import os

import pytest

from sandbox.document import first_difference
from tests.support.media_table import PROJECT, media_document

PAGE = PROJECT / "docs" / "MEDIA.md"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> str:
    return media_document(tmp_path_factory.mktemp("media"))


def test_the_page_is_what_the_pipeline_does(document: str) -> None:
    if os.environ.get("WRITE_DOCS"):
        PAGE.write_text(document, encoding="utf-8")
    written = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    assert first_difference(written, document) is None, "docs/MEDIA.md is not current: run `make docs`"


def test_every_kind_of_medium_and_of_piece_is_on_it(document: str) -> None:
    assert [kind for kind in TYPES if f"| {kind} |" not in document] == []
    assert [label for label in LABELS if f"| {label}" not in document] == []


TYPES = (
    *("Photo", "Video", "TimeLapse", "TimeLapseVideo", "Burst", "BurstVideo", "Chaptered", "Livestream", "Looped"),
    *("LoopedVideo", "Continuous", "ExternalVideo", "Session", "MultiClipEdit", "Edit", "Audio", "NightLapse"),
    "LivePhoto",
)
"""gopro-api's list of types: whatever public clients have met."""

LABELS = (
    *("source", "baked_source", "frame", "raw_photo", "gpmf", "gpx", "edl_mce", "mediainfo", "concat", "zip", "large"),
    *("medium", "high_res_proxy_mp4", "edit_proxy", "mp4_low", "audio_proxy", "timelapse_video"),
)
