"""What the template promises about the functions and their layers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.infrastructure.conftest import Variant
from tests.infrastructure.synthesis import PROJECT, ROLES, Template
from tests.infrastructure.variants import EXAMPLES

COMMON_VARIABLES = {
    "SECRET_NAME",
    "TABLE_NAME",
    "ARCHIVE_BUCKET",
    "RUNS_BUCKET",
    "TOPIC_ARN",
    "ENVIRONMENT",
    "LOG_LEVEL",
    "MULTIPART_THRESHOLD",
    "STORAGE_CLASS",
    "WORKERS",
    "TRANSFER_ADAPTER",
    "BYTES_PER_FUNCTION",
    "MAX_FUNCTIONS_PER_MEDIUM",
    "MAX_CONCURRENT_MEDIA",
    "TOLERATED_FAILURES",
    "MAX_STALLED_PASSES",
    "EXTRA_PIECES",
    "SIDE_FILE_DAYS",
    "NOT_READY_ALARM_DAYS",
    "ALLOWED_HOSTS",
}


def test_there_are_four_functions_and_no_helper_of_the_cdk(template: Template) -> None:
    assert len(template.of_type("Lambda::Function")) == len(ROLES)


@pytest.mark.parametrize("name", ROLES)
def test_a_function_runs_on_arm_with_the_newest_python_and_is_traced(template: Template, name: str) -> None:
    function = template.properties("Lambda::Function", f"Functions{name}")
    assert function["Architectures"] == ["arm64"]
    assert function["Runtime"] == "python3.14"
    assert function["Handler"] == "handler.handler"
    assert function["TracingConfig"] == {"Mode": "Active"}


@pytest.mark.parametrize("name", ROLES)
def test_no_function_reserves_concurrency_or_has_a_name_of_ours(template: Template, name: str) -> None:
    function = template.properties("Lambda::Function", f"Functions{name}")
    assert not {"ReservedConcurrentExecutions", "FunctionName"} & set(function)


def test_the_transferring_functions_take_their_time_out_and_memory_from_settings(
    template: Template, chosen: Template
) -> None:
    def size(of: Template, name: str) -> tuple[int, int]:
        function = of.properties("Lambda::Function", f"Functions{name}")
        return function["Timeout"], function["MemorySize"]

    assert {size(template, name) for name in ("VideoDownloader", "MultipartUploader")} == {(900, 512)}
    assert {size(template, name) for name in ("MediaLister", "RunControl")} == {(900, 1024)}
    assert size(chosen, "VideoDownloader") == (120, 1024)
    assert size(chosen, "MultipartUploader") == (120, 512)
    assert size(chosen, "RunControl") == (900, 1024)


@pytest.mark.parametrize("name", ROLES)
def test_a_function_gets_the_documented_variables_and_no_way_to_another_gopro(template: Template, name: str) -> None:
    variables = template.properties("Lambda::Function", f"Functions{name}")["Environment"]["Variables"]
    assert set(variables) == COMMON_VARIABLES
    assert not {"GOPRO_API_URL", "AWS_EXECUTION_ENV"} & set(variables)


@pytest.mark.parametrize("name", ROLES)
def test_a_trial_stages_functions_are_told_of_the_other_server(variant: Variant, name: str) -> None:
    trial = variant(EXAMPLES["gopro_api_url"][1]).properties("Lambda::Function", f"Functions{name}")
    variables = trial["Environment"]["Variables"]
    assert set(variables) == {*COMMON_VARIABLES, "GOPRO_API_URL"}
    assert variables["GOPRO_API_URL"] == "https://trial.gopro.com"


@pytest.mark.parametrize("name", ROLES)
def test_a_function_logs_into_a_group_that_forgets(template: Template, chosen: Template, name: str) -> None:
    for of, days in ((template, 30), (chosen, 7)):
        [(group, resource)] = [
            (key, entry) for key, entry in of.of_type("Logs::LogGroup").items() if key.startswith(f"Functions{name}")
        ]
        assert resource["Properties"]["RetentionInDays"] == days
        assert resource["DeletionPolicy"] == "Delete"
        function = of.properties("Lambda::Function", f"Functions{name}")
        assert function["LoggingConfig"] == {"LogGroup": {"Ref": group}}


@pytest.mark.parametrize("name", ROLES)
def test_a_functions_code_is_its_folder_without_compiled_files(template: Template, assembly: Path, name: str) -> None:
    folder = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")
    key = template.properties("Lambda::Function", f"Functions{name}")["Code"]["S3Key"]
    asset = assembly / f"asset.{key.removesuffix('.zip')}"
    source = PROJECT / "lambda_functions" / folder
    assert (asset / "handler.py").read_bytes() == (source / "handler.py").read_bytes()
    assert not list(asset.rglob("*.pyc"))


def test_every_function_uses_both_layers(template: Template) -> None:
    layers = set(template.of_type("Lambda::LayerVersion"))
    for function in template.of_type("Lambda::Function").values():
        assert {layer["Ref"] for layer in function["Properties"]["Layers"]} == layers


def test_the_source_layer_is_where_python_looks_for_it(template: Template, assembly: Path) -> None:
    content = template.properties("Lambda::LayerVersion", "LayersSource")["Content"]
    asset = assembly / f"asset.{content['S3Key'].removesuffix('.zip')}"
    package = asset / "python" / "cloud_sync_common"
    assert (package / "errors.py").is_file()
    assert not list(package.rglob("__pycache__"))


def test_layers_are_for_the_functions_runtime(template: Template) -> None:
    for layer in template.of_type("Lambda::LayerVersion").values():
        assert layer["Properties"]["CompatibleRuntimes"] == ["python3.14"]
        assert layer["Properties"]["CompatibleArchitectures"] == ["arm64"]


def test_the_template_names_no_folder_of_this_machine(template: Template) -> None:
    assert str(PROJECT) not in json.dumps(template.document)
