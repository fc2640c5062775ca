"""docs/SECURITY.md says exactly who may do what in the synthesised templates, and answers checkov in full."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import checkov_answers
from scripts.grants import FUNCTIONS, Grant, grants
from scripts.judged import Judged
from scripts.security_document import DOCUMENT, described, differences, unexplained
from tests.infrastructure.judgement import judged_once

READ = Grant("run_control", "Allow", "", "s3:GetObject", "runs bucket/runs/*", "")
TABLE = """
## Who may do what
### `run_control`
| may | on | only if | why |
|---|---|---|---|
| `s3:GetObject` | `runs bucket/runs/*` | - | To read. |
"""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judged]:
    return judged_once(tmp_path_factory)


@pytest.fixture(scope="module")
def text() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


def test_the_document_says_what_the_templates_grant_and_nothing_else(judged: dict[str, Judged], text: str) -> None:
    assert differences(text, {name: grants(each.template) for name, each in judged.items()}) == []


def test_every_row_says_why(text: str) -> None:
    assert unexplained(text) == []


def test_a_grant_that_the_document_lacks_is_told_as_the_row_to_add() -> None:
    assert differences("", {"default": frozenset({READ})}) == [
        "docs/SECURITY.md lacks, by default: `run_control` may: | `s3:GetObject` | `runs bucket/runs/*` | - | ? |"
    ]


def test_a_row_that_no_template_grants_is_told() -> None:
    assert differences(TABLE, {"default": frozenset()}) == [
        "docs/SECURITY.md says, by default, what is not so: "
        "`run_control` may: | `s3:GetObject` | `runs bucket/runs/*` | - | ? |"
    ]
    assert differences(TABLE, {"default": frozenset({READ})}) == []


def test_what_comes_with_another_setting_has_its_own_chapter() -> None:
    granted = {"default": frozenset[Grant](), "vpc": frozenset({READ})}
    assert len(differences(TABLE, granted)) == 2
    assert differences(TABLE.replace("Who may do what", "Only with other settings"), granted) == []


def test_a_row_without_a_reason_or_with_an_unexplained_star_is_told() -> None:
    assert len(unexplained(TABLE.replace("To read.", ""))) == 1
    star = TABLE.replace("`runs bucket/runs/*`", "`*`")
    assert len(unexplained(star)) == 1
    assert unexplained(star.replace("To read.", "To read; `*`: no resource level.")) == []


EVERY_KIND = """
| role | is assumed by | only if |
|---|---|---|
| `one`, `two` | `s.com` | - |

### Every function
| may | on | only if | why |
|---|---|---|---|
| `a:B`, `a:C` | `x`, `y` | - | z |
### `one`, `two`
| may not | on | only if | why |
|---|---|---|---|
| `a:D` | `x` | `Bool k = true` | z |
### Policies
| policy of | effect | whom | what | on | only if | why |
|---|---|---|---|---|---|---|
| `x` | Deny | anyone | `a:*` | `x/*` | - | z |
"""


def test_every_function_and_every_kind_of_table_is_read() -> None:
    assert described(EVERY_KIND) == (
        frozenset(
            {
                *(Grant(role, "Allow", "s.com", "sts:AssumeRole", "", "") for role in ("one", "two")),
                *(Grant(name, "Allow", "", act, on, "") for name in FUNCTIONS for act in ("a:B", "a:C") for on in "xy"),
                *(Grant(role, "Deny", "", "a:D", "x", "Bool k = true") for role in ("one", "two")),
                Grant("x", "Deny", "anyone", "a:*", "x/*", ""),
            }
        ),
        frozenset(),
    )


def test_a_row_with_a_cell_too_few_is_told() -> None:
    with pytest.raises(ValueError, match="needs 4 cells"):
        described(TABLE.replace(" - |", ""))


def _one(kind: str, properties: dict[str, object]) -> dict[str, object]:
    return {"Resources": {"Thing0A1B2C3D": {"Type": f"AWS::{kind}", "Properties": properties}}}


def test_a_policy_of_a_kind_that_is_new_is_not_overlooked() -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "a:B", "Resource": {"Ref": "Thing0A1B2C3D"}}
    assert grants(_one("New::Kind", {"Deep": [{"Policy": {"Statement": statement}}]})) == {
        Grant("Thing", "Allow", "anyone", "a:B", "Thing", "")
    }


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("IAM::Role", {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]}),
        ("Lambda::Permission", {"Principal": "*"}),
        ("New::Kind", {"Policy": {"Statement": {"Effect": "Allow", "NotAction": "a:B", "Resource": "*"}}}),
        ("New::Kind", {"Policy": {"Statement": {"Effect": "Allow", "Action": "a:B", "Resource": {"Fn::If": []}}}}),
    ],
)
def test_what_cannot_be_told_in_a_table_is_refused(kind: str, properties: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"teach scripts/grants\.py|managed policies"):
        grants(_one(kind, properties))


ANSWERS = """
| check | on | answer |
|---|---|---|
| `CKV_1` | every function | No. |
| `CKV_2` | `archive bucket`, `runs bucket` | No. |
"""
RESOURCES = {
    "AWS::Lambda::Function.run_control",
    "AWS::Lambda::Function.media_lister",
    "AWS::S3::Bucket.archive bucket",
    "AWS::S3::Bucket.runs bucket",
}


def test_checkovs_findings_and_the_answers_are_compared_both_ways() -> None:
    answers = checkov_answers.answered(ANSWERS, RESOURCES)
    assert len(answers) == 4
    assert checkov_answers.differences(answers, answers) == []
    gone = ("CKV_2", "AWS::S3::Bucket.runs bucket")
    assert checkov_answers.differences(answers - {gone}, answers) == [
        "checkov does not find CKV_2 at AWS::S3::Bucket.runs bucket: remove the answer from docs/SECURITY.md"
    ]
    assert checkov_answers.differences(answers, answers - {gone}) == [
        "checkov finds CKV_2 at AWS::S3::Bucket.runs bucket: mend it, or answer it in docs/SECURITY.md"
    ]


def test_an_answer_for_what_checkov_does_not_know_and_an_empty_one_count_for_nothing() -> None:
    [unknown] = checkov_answers.answered(ANSWERS.replace("every function", "`nothing`"), {"AWS::X::Y.z"}) - {
        ("CKV_2", "`archive bucket`, `runs bucket`")
    }
    assert unknown == ("CKV_1", "`nothing`")
    assert checkov_answers.answered(ANSWERS.replace("No.", ""), RESOURCES) == set()


SEEN = {"check_id": "CKV_1", "resource": "AWS::S3::Bucket.ArchiveBucket0A1B2C3D", "file_abs_path": "/one.template.json"}


def test_checkovs_report_is_read_in_the_documents_words() -> None:
    report = {"results": {"failed_checks": [SEEN], "passed_checks": []}}
    found, resources = checkov_answers.read_report(report, [Path("/one.template.json")])
    assert found == {("CKV_1", "AWS::S3::Bucket.archive bucket")}
    assert resources == {"AWS::S3::Bucket.archive bucket"}


@pytest.mark.parametrize(
    ("report", "files"),
    [
        ({"passed": 0, "failed": 0, "parsing_errors": 0}, ["/one.template.json"]),
        ({"results": {"failed_checks": [], "passed_checks": [SEEN]}}, ["/one.template.json", "/two.template.json"]),
        ({"results": {"failed_checks": [], "passed_checks": []}}, []),
    ],
)
def test_a_run_of_checkov_that_passed_a_template_over_is_no_success(
    report: dict[str, object], files: list[str]
) -> None:
    with pytest.raises(RuntimeError, match="could not read"):
        checkov_answers.read_report(report, [Path(file) for file in files])
