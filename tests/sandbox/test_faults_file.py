"""A file of faults: what it may say, and the one line that tells what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

import sandbox.faults
from sandbox.faults import Faults, FaultsError, load_faults
from sandbox.wire.calls import Call, Caller
from sandbox.wire.function_faults import FunctionFault, FunctionFaultKind
from sandbox.wire.orders import UNDISTURBED, Cut, Ending, Kill, Orders, Refusal

DOWNLOADER = Caller("video_downloader", 7)
PUT = Call("s3", "PutObject", "archive/a/b.JPG", DOWNLOADER)
FUNCTIONS = ("video_downloader", "media_lister")
EXAMPLE = Path(sandbox.faults.__file__).with_name("example.toml")


def faults(tmp_path: Path, text: str) -> Faults:
    path = tmp_path / "faults.toml"
    path.write_text(text, encoding="utf-8")
    return load_faults(path, functions=FUNCTIONS)


def orders(tmp_path: Path, effect: str) -> Orders:
    return faults(tmp_path, f'[[fault]]\nat = "s3"\n{effect}').plan(PUT)


@pytest.mark.verifies("faults.file")
def test_the_example_shows_every_key_and_effect() -> None:
    loaded = load_faults(EXAMPLE, functions=(*FUNCTIONS, "multipart_uploader"))
    assert len(loaded.never_happened()) == EXAMPLE.read_text().count("\n[[fault]]\n")
    kinds = {line.split("(")[1].split(" at ")[0] for line in loaded.never_happened()}
    assert {
        "status 429", "reset", "truncation", "stall", "wrong headers", "lost answer", "duplicate", "upload reset",
        "delay", "slow body", "kill", "out-of-memory", "throttle",
    } <= kinds  # fmt: skip


@pytest.mark.verifies("faults.file")
@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        ("status = 503", Orders(carried_out=0, refusal=Refusal(503))),
        (
            'status = 200\ncode = "InternalError"\nheaders = { Retry-After = "3" }\nbody = "é"\nafter_effect = true',
            Orders(refusal=Refusal(200, "InternalError", {"Retry-After": "3"}, "é".encode())),
        ),
        ("lose = true", Orders(lost=True)),
        ("reset_after = 0", Orders(cut=Cut(Ending.RESET, 0))),
        ("truncate_after = 10", Orders(cut=Cut(Ending.CLOSE, 10))),
        ("stall_after = 10\nseconds = 2", Orders(cut=Cut(Ending.STALL, 10, 2.0))),
        ('headers = { ETag = "x", Date = "" }', Orders(headers={"ETag": "x", "Date": None})),
        ('headers = { ETag = "x" }\nremove = ["Date"]', Orders(headers={"ETag": "x", "Date": None})),
        ('remove = ["Date"]', Orders(headers={"Date": None})),
        ("duplicate = true", Orders(carried_out=2)),
        ("bytes_per_second = 0.5", Orders(rate=0.5)),
        ("delay = 2", Orders(delay=2.0)),
        ("upload_reset_after = 5", Orders(upload_cut=5)),
        ('kill = "before-answer"', Orders(kill=Kill.BEFORE_ANSWER)),
    ],
)
def test_each_effect_becomes_its_orders(tmp_path: Path, effect: str, expected: Orders) -> None:
    assert orders(tmp_path, effect) == expected


@pytest.mark.verifies("faults.invocation")
@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        ('effect = "timeout"', FunctionFault(FunctionFaultKind.TIMEOUT)),
        ('effect = "out-of-memory"\nafter = 0.5', FunctionFault(FunctionFaultKind.OUT_OF_MEMORY, 0.5)),
        ('effect = "exit"\nafter = 1', FunctionFault(FunctionFaultKind.EXIT, 1.0)),
        ('effect = "throttle"', FunctionFault(FunctionFaultKind.THROTTLE)),
    ],
)
def test_an_invocation_has_its_own_effects(tmp_path: Path, effect: str, expected: FunctionFault) -> None:
    loaded = faults(tmp_path, f'[[fault]]\nat = "lambda"\nfunction = "media_*"\nnth = 2\n{effect}')
    befallen = [loaded.function_plan(name) for name in ("media_lister", "video_downloader", "media_lister")]
    assert befallen == [None, None, expected]
    assert loaded.plan(PUT) is UNDISTURBED
    assert [(one.function, one.took_effect) for one in loaded.record.fired] == [("media_lister", True)]


WRONG = [
    ("", "has no faults; write each one as a [[fault]] table"),
    ("fault = 3", "has no faults; write each one as a [[fault]] table"),
    ("[[faults]]\nat = 's3'", "key 'faults' is not known; a file of faults has [[fault]] tables only"),
    ("fault = ", "is not TOML: Invalid value (at end of document)"),
    ("status = 503", "fault 1: at is missing; use one of: gopro-api, gopro-cdn, s3,"),
    ("at = 'S3'\nstatus = 503", "fault 1: at cannot be 'S3'; "),
    ("at = 3\nstatus = 503", "fault 1: at cannot be 3; "),
    ("at = 'dynamo'\nstatus = 503", "fault 1: at cannot be 'dynamo'; did you mean 'dynamodb'?"),
    ("at = 's3'", "fault 1: has no effect; give it one of: status, lose,"),
    ("at = 's3'\nstatus = 503\noparation = 'x'", "fault 1: key 'oparation' is not known; did you mean 'operation'?"),
    (
        "at = 's3'\noperation = 'UploadParts'\nlose = true",
        "fault 1: operation cannot be 'UploadParts'; did you mean 'UploadPart'?",
    ),
    (
        "at = 'dynamodb'\noperation = 'updateItem'\nlose = true",
        "fault 1: operation cannot be 'updateItem'; did you mean 'UpdateItem'?",
    ),
    ("at = 'kms'\noperation = 'Encrypt'\nstatus = 400", "fault 1: operation cannot be 'Encrypt'; did you mean "),
    ("at = 'gopro-cdn'\noperation = 'put'\nlose = true", "fault 1: operation cannot be 'put'; "),
    ("at = 'gopro-api'\noperation = 'find'\nlose = true", "fault 1: operation cannot be 'find'; use one of: search,"),
    ("at = 'any'\noperation = 'search'\nlose = true", "fault 1: operation has no sense with at = 'any'"),
    ("at = 'lambda'\noperation = 'Invoke'\neffect = 'exit'", "fault 1: operation has no sense with at = 'lambda'"),
    ("at = 'lambda'\nresource = 'x'\neffect = 'exit'", "fault 1: resource has no sense with at = 'lambda': use "),
    ("at = 's3'\nresource = ''\nlose = true", "fault 1: resource must be a text that is not empty"),
    (
        "at = 's3'\nfunction = 'video_downlaoder'\nlose = true",
        "fault 1: function 'video_downlaoder' is none of the functions; did you mean 'video_downloader'?",
    ),
    ("at = 's3'\nnth = 1\ntimes = 2\nlose = true", "fault 1: nth and times contradict each other: give one of them"),
    ("at = 's3'\nnth = 0\nlose = true", "fault 1: nth must be a whole number from 1 to 1000000000"),
    ("at = 's3'\nnth = true\nlose = true", "fault 1: nth must be a whole number from 1 to"),
    ("at = 's3'\nnth = []\nlose = true", "fault 1: nth must list at least one number"),
    ("at = 's3'\nnth = [1, 'x']\nlose = true", "fault 1: nth must be a whole number from 1 to"),
    ("at = 's3'\ntimes = 1.5\nlose = true", "fault 1: times must be a whole number from 1 to"),
    ("at = 's3'\nchance = 0\nlose = true", "fault 1: chance must be a number above 0, at most 1"),
    ("at = 's3'\nchance = 1.1\nlose = true", "fault 1: chance must be a number above 0, at most 1"),
    ("at = 's3'\nchance = nan\nlose = true", "fault 1: chance must be a number above 0, at most 1"),
    ("at = 's3'\nstatus = 199", "fault 1: status must be a whole number from 200 to 599"),
    ("at = 's3'\nstatus = '503'", "fault 1: status must be a whole number from 200 to 599"),
    ("at = 's3'\nstatus = 503\ncode = 3", "fault 1: code must be a text that is not empty"),
    ("at = 's3'\nstatus = 503\nafter_effect = false", "fault 1: after_effect can only be true; leave it out otherwise"),
    ("at = 's3'\nlose = false", "fault 1: lose can only be true; leave it out otherwise"),
    ("at = 's3'\nduplicate = 2", "fault 1: duplicate can only be true; leave it out otherwise"),
    (
        "at = 's3'\nlose = true\nkill = 'request'",
        "fault 1: kill does not go with lose: a fault has one effect, write a second fault",
    ),
    ("at = 's3'\nreset_after = 1\ntruncate_after = 1", "fault 1: truncate_after does not go with reset_after: "),
    ("at = 's3'\nstatus = 503\nremove = ['ETag']", "fault 1: remove does not go with status: "),
    ("at = 's3'\nlose = true\ncode = 'x'", "fault 1: code does not go with lose: "),
    ("at = 's3'\nreset_after = 1\nseconds = 2", "fault 1: seconds does not go with reset_after: "),
    ("at = 's3'\nreset_after = -1", "fault 1: reset_after must be a whole number from 0 to"),
    ("at = 's3'\nstall_after = 1", "fault 1: seconds is missing: say how long stall_after lasts"),
    ("at = 's3'\nstall_after = 1\nseconds = 901", "fault 1: seconds must be a number above 0, at most 900"),
    ("at = 's3'\nbytes_per_second = 0", "fault 1: bytes_per_second must be a number above 0, at most 1e+12"),
    ("at = 's3'\ndelay = true", "fault 1: delay must be a number above 0, at most 900"),
    ("at = 's3'\nheaders = {}", "fault 1: headers must set at least one header, or remove must name one"),
    ("at = 's3'\nheaders = 'x'", "fault 1: headers must be a table of texts"),
    ("at = 's3'\nheaders = { ETag = 3 }", "fault 1: headers must be a table of texts"),
    ('at = "s3"\nheaders = { ETag = "a\\r\\nb" }', "fault 1: headers cannot set 'ETag': names and values of "),
    ('at = "s3"\nheaders = { "E Tag" = "a" }', "fault 1: headers cannot set 'E Tag': names and values of "),
    ("at = 's3'\nremove = 'ETag'", "fault 1: remove must be a list of texts"),
    ("at = 's3'\nkill = 'now'", "fault 1: kill cannot be 'now'; use one of: request, before-answer, after-answer"),
    ("at = 's3'\neffect = 'timeout'", "fault 1: effect cannot happen at 's3': effect is for at = 'lambda', "),
    ("at = 'lambda'\nstatus = 503", "fault 1: status cannot happen at 'lambda': effect is for at = 'lambda', "),
    ("at = 'lambda'\neffect = 'oom'", "fault 1: effect cannot be 'oom'; use one of: timeout, out-of-memory, "),
    ("at = 'lambda'\neffect = 'throttle'\nafter = 1", "fault 1: after has no sense with a throttle"),
    ("at = 'kms'\nlose = true", "fault 1: lose cannot happen at 'kms', which S3 calls by itself: only status can"),
    ("at = 'gopro-cdn'\nupload_reset_after = 1", "fault 1: upload_reset_after cannot happen at 'gopro-cdn': "),
]  # fmt: skip


@pytest.mark.verifies("faults.file")
@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_wrong_file_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    table = text if not text or text.startswith(("[", "fault")) else f"[[fault]]\n{text}"
    with pytest.raises(FaultsError) as caught:
        faults(tmp_path, table)
    line = str(caught.value)
    assert line.startswith(f"faults.toml: {message}")
    assert "\n" not in line


def test_the_number_of_the_wrong_fault_is_named(tmp_path: Path) -> None:
    right = '[[fault]]\nat = "s3"\nlose = true\n'
    with pytest.raises(FaultsError, match=r"^faults\.toml: fault 3: lose can only be true"):
        faults(tmp_path, right * 2 + right.replace("true", "1"))


def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        FaultsError, match=r"^absent\.toml: cannot be read \(No such file or directory\); give the path"
    ):
        load_faults(tmp_path / "absent.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(FaultsError, match=r"^latin\.toml: is not TOML: it is not UTF-8 text$"):
        load_faults(tmp_path / "latin.toml")
    (tmp_path / "large.toml").write_bytes(b"#" * (1024 * 1024 + 1))
    with pytest.raises(FaultsError, match=r"^large\.toml: is larger than 1 MiB"):
        load_faults(tmp_path / "large.toml")


def test_every_name_of_a_function_is_taken_where_none_are_known(tmp_path: Path) -> None:
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\nat = "s3"\nfunction = "anything"\nlose = true')
    assert load_faults(path).plan(PUT) is UNDISTURBED
