"""What is said of the sandbox is what its tests prove: features, marks and docs/SANDBOX.md agree."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from sandbox.document import Verification, document, first_difference, verifications
from sandbox.features import AREAS, FEATURES
from sandbox.recorded import recorded_by_handlers

PROJECT = Path(__file__).resolve().parents[2]
IDS = {feature.id for feature in FEATURES}


@pytest.fixture(scope="module")
def marks() -> list[Verification]:
    return verifications(PROJECT)


def test_the_document_is_current() -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT / "scripts" / "sandbox_document"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_every_feature_has_a_test_that_verifies_it(marks: list[Verification]) -> None:
    assert sorted(IDS - {mark.feature for mark in marks}) == []


def test_every_mark_names_a_feature(marks: list[Verification]) -> None:
    assert [mark for mark in marks if mark.feature not in IDS] == []


def test_a_test_that_may_not_run_verifies_nothing(marks: list[Verification]) -> None:
    assert [mark for mark in marks if mark.skipped] == []


def test_a_mark_is_on_a_test_that_pytest_collects(marks: list[Verification]) -> None:
    assert [mark for mark in marks if not mark.test.startswith("test_")] == []


def test_ids_are_unique_and_begin_with_an_area() -> None:
    assert [each for each, count in Counter(feature.id for feature in FEATURES).items() if count > 1] == []
    assert {feature.area for feature in FEATURES} == AREAS.keys()


def test_the_document_names_every_feature_and_everything_that_handlers_record() -> None:
    text = document(PROJECT)
    assert [feature.id for feature in FEATURES if f"| {feature.name} |" not in text] == []
    assert [each for each in recorded_by_handlers() if each[0] not in text or each[2] not in text] == []


def test_a_difference_is_told_by_its_line() -> None:
    assert first_difference("a\nb\n", "a\nb\n") is None
    assert first_difference("a\nb\n", "a\nc\n") == "line 2 is 'b', should be 'c'"
    assert first_difference("", "a\n") == "line 1 is missing, should be 'a'"


def test_marks_are_found_with_and_without_other_decorators(tmp_path: Path) -> None:
    folder = tmp_path / "tests" / "deep"
    folder.mkdir(parents=True)
    (folder / "test_x.py").write_text(
        "import pytest\n"
        "@pytest.mark.verifies('a.b', 'a.c')\n@pytest.mark.parametrize('x', [1])\ndef test_one(x): pass\n"
        "@pytest.mark.skip\n@pytest.mark.verifies('a.d')\ndef test_two(): pass\n"
        "def test_three(): pass\n"
    )
    assert verifications(tmp_path) == [
        Verification("tests/deep/test_x.py", "test_one", "a.b", skipped=False),
        Verification("tests/deep/test_x.py", "test_one", "a.c", skipped=False),
        Verification("tests/deep/test_x.py", "test_two", "a.d", skipped=True),
    ]
