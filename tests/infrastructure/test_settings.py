"""Settings are parsed by type, validated with one-line errors, documented, and each has an effect."""

from __future__ import annotations

import ast
import re
from dataclasses import fields

import pytest

from cloud_sync.settings import GIB, MIB, Settings, SettingsError
from cloud_sync.settings_checks import EXTRA_PIECES, RANGES
from cloud_sync_common.rules import extra_pieces
from tests.infrastructure.conftest import Variant
from tests.infrastructure.synthesis import PROJECT
from tests.infrastructure.variants import DEV, EXAMPLES, GUARDS, SECRET


def test_nothing_given_means_the_documented_defaults() -> None:
    settings = Settings.from_context({})
    assert settings == Settings()
    assert (settings.multipart_threshold, settings.bytes_per_function) == (100 * MIB, 32 * GIB)


def test_values_may_come_as_strings_or_in_their_own_type() -> None:
    as_text = {"workers": " 2 ", "schedule_enabled": "false", "stage": "test", "multipart_threshold": "5242880"}
    as_values = {"workers": 2, "schedule_enabled": False, "stage": "test", "multipart_threshold": 5242880}
    assert Settings.from_context(as_text) == Settings.from_context(as_values)
    assert Settings.from_context(as_text).workers == 2


def test_the_cdks_own_context_is_passed_over() -> None:
    context = {"@aws-cdk/core:checkSecretUsage": True, "aws:cdk:bundling-stacks": [], "availability-zones:x": []}
    assert Settings.from_context(context) == Settings()


def test_an_unknown_setting_is_refused_and_the_nearest_one_named() -> None:
    with pytest.raises(SettingsError, match=r"unknown setting 'worker': did you mean 'workers'\?"):
        Settings.from_context({"worker": "2"})
    with pytest.raises(SettingsError, match=r"^unknown setting 'colour' \(settings are listed in"):
        Settings.from_context({"colour": "red"})


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"workers": "four"}, "'workers' must be a whole number, not 'four'"),
        ({"workers": True}, "'workers' must be a whole number, not True"),
        ({"workers": 2.5}, "'workers' must be a whole number, not 2.5"),
        ({"schedule_enabled": "yes"}, "'schedule_enabled' must be true or false, not 'yes'"),
        ({"stage": 3}, "'stage' must be a text, not 3"),
        ({"stage": "Prod"}, "'stage' must be 1 to 20 lower-case letters"),
        ({"stage": "a\n"}, None),
        ({"workers": "0"}, "'workers' must be 1 to 16, not 0"),
        ({"multipart_threshold": 5 * MIB - 1}, "'multipart_threshold' must be 5242880 to"),
        ({"multipart_threshold": 5 * GIB + 1}, "'multipart_threshold' must be 5242880 to"),
        ({"function_timeout_seconds": "901"}, "'function_timeout_seconds' must be 60 to 900"),
        ({"archive_storage_class": "COLD"}, "'archive_storage_class' must be one of STANDARD, "),
        ({"transfer_adapter": "curl"}, "'transfer_adapter' must be one of sockets, requests"),
        ({"log_retention_days": "31"}, "'log_retention_days' must be one of 1, 3, "),
        ({"log_level": "info"}, "'log_level' must be one of DEBUG, "),
        ({"alert_email": "someone"}, "'alert_email' must be an e-mail address or empty"),
        ({"allowed_hosts": "https://gopro.com"}, "'allowed_hosts' must be a comma list"),
        ({"allowed_hosts": "gopro.com, cdn.net"}, "'allowed_hosts' must be a comma list"),
        ({"allowed_hosts": "com"}, "'allowed_hosts' must be a comma list"),
        ({"allowed_hosts": ",".join(["gopro.com"] * 101)}, "like gopro.com, of at most 1,000 characters, not"),
        ({"stage": "dev", "gopro_api_url": f"https://a.gopro.com/{'x' * 500}"}, "must be an https URL of at most 500 "),
        ({"extra_pieces": "gpmf,zip"}, "'extra_pieces' must be a comma list without spaces of raw_photo, gpmf, "),
        ({"extra_pieces": "gpmf, gpx"}, "or empty; not ' gpx'"),
        ({"extra_pieces": ","}, "or empty; not ''"),
        ({"not_ready_alarm_days": "0"}, "'not_ready_alarm_days' must be 1 to 365"),
        ({"archive_admin_role": "admin"}, "'archive_admin_role' must be the ARN of an IAM role"),
    ],
)
def test_a_bad_value_is_refused_with_one_line(context: dict[str, object], message: str | None) -> None:
    if message is None:
        assert Settings.from_context(context).stage == "a"
        return
    with pytest.raises(SettingsError) as refused:
        Settings.from_context(context)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "schedule",
    [
        "cron(0 3 * * ? *)",
        "cron(0/15 3-5 ? * MON-FRI 2026)",
        "cron(5,10/20 3 15W,L * ? *)",
        "cron(0 3 ? * 7#5 *)",
        "cron(0 3 ? * 6L *)",
        "rate(1 day)",
        "rate(90 minutes)",
    ],
)
def test_a_schedule_is_cron_or_rate(schedule: str) -> None:
    assert Settings.from_context({"schedule": schedule}).schedule == schedule


@pytest.mark.parametrize(
    "schedule", ["", "daily", "cron(0 3 * * *)", "rate(0 days)", "rate(1 week)", "cron(0 3 * * ? $)"]
)
def test_another_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(SettingsError, match="'schedule' must be cron"):
        Settings.from_context({"schedule": schedule})


@pytest.mark.parametrize(
    "schedule", ["cron(0 3 * * * *)", "cron(0 3 ? * ? *)", "cron(? 3 * * ? *)", "cron(0 3 * ? * *)"]
)
def test_a_cron_schedule_needs_one_question_mark(schedule: str) -> None:
    with pytest.raises(SettingsError, match="'schedule' needs '\\?'"):
        Settings.from_context({"schedule": schedule})


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("cron(60 3 * * ? *)", "0 to 59 for minutes, not '60'"),
        ("cron(0 8-24 * * ? *)", "0 to 23 for hours, not '8-24'"),
        ("cron(0 3 0 * ? *)", "1 to 31 for the day of the month"),
        ("cron(0 3 * 1,13 ? *)", "1 to 12 for the month"),
        ("cron(0 3 ? * 0 *)", "1 to 7 for the day of the week"),
        ("cron(0 3 * * ? 26)", "1970 to 2199 for the year"),
    ],
)
def test_a_time_that_never_comes_is_refused(schedule: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        Settings.from_context({"schedule": schedule})


def test_the_labels_that_may_be_chosen_are_those_that_the_functions_know() -> None:
    assert set(EXTRA_PIECES) == extra_pieces.ALLOWED
    assert Settings().extra_pieces == ",".join(extra_pieces.DEFAULT)
    assert Settings(extra_pieces=",".join(EXTRA_PIECES))
    assert "zip" not in extra_pieces.ALLOWED


def test_a_time_zone_is_an_iana_name() -> None:
    assert Settings.from_context({"schedule_timezone": "America/New_York"}).schedule_timezone == "America/New_York"
    with pytest.raises(SettingsError, match="'schedule_timezone' must be an IANA time zone"):
        Settings.from_context({"schedule_timezone": "CEST"})


def test_more_connections_than_the_ceiling_are_refused() -> None:
    assert Settings.from_context({"max_concurrent_media": 6, "workers": 2}).max_concurrent_media == 6
    with pytest.raises(SettingsError, match=r"= 32 connections is above 'max_source_connections' \(24\)"):
        Settings.from_context({"max_concurrent_media": 4})
    assert Settings.from_context({"max_concurrent_media": 4, "max_source_connections": 32})


@pytest.mark.parametrize(
    ("storage_class", "deep_after", "noncurrent", "message"),
    [
        ("GLACIER_IR", 90, 180, None),
        ("GLACIER_IR", 89, 180, "at least 90"),
        ("GLACIER_IR", 0, 89, "'noncurrent_expiry_days' must be at least 90"),
        ("GLACIER_IR", 90, 179, "'noncurrent_expiry_days' must be at least 180"),
        ("STANDARD_IA", 30, 180, None),
        ("STANDARD_IA", 29, 180, "at least 30"),
        ("STANDARD", 1, 180, None),
        ("STANDARD", 0, 1, None),
        ("DEEP_ARCHIVE", 0, 180, None),
        ("DEEP_ARCHIVE", 200, 180, "must be 0"),
        ("DEEP_ARCHIVE", 0, 90, "at least 180"),
    ],
)
def test_no_lifecycle_pays_an_early_delete_fee(
    storage_class: str, deep_after: int, noncurrent: int, message: str | None
) -> None:
    context = {
        "archive_storage_class": storage_class,
        "deep_archive_after_days": deep_after,
        "noncurrent_expiry_days": noncurrent,
    }
    if message is None:
        assert Settings.from_context(context).archive_storage_class == storage_class
        return
    with pytest.raises(SettingsError, match=message):
        Settings.from_context(context)


def test_a_stage_names_its_stack_and_secret_and_adoption_goes_first() -> None:
    assert (Settings().stack_name, Settings().secret_name) == ("GoProCloudSync", "gopro/credentials")
    other = Settings(stage="test")
    assert (other.stack_name, other.secret_name) == ("GoProCloudSync-test", "gopro/credentials-test")
    assert Settings(stage="test", existing_secret="gopro/credentials").secret_name == "gopro/credentials"


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_changes_the_template_or_refuses_something(name: str, variant: Variant) -> None:
    assert (name in EXAMPLES) != (name in GUARDS), f"give an example of {name!r} in tests/infrastructure/variants.py"
    if name in GUARDS:
        with pytest.raises(SettingsError, match=name):
            Settings.from_context(GUARDS[name])
        return
    first, second = (Settings.from_context(context) for context in EXAMPLES[name])
    assert {field.name for field in fields(Settings) if getattr(first, field.name) != getattr(second, field.name)} == {
        name
    }
    assert variant(EXAMPLES[name][0]) != variant(EXAMPLES[name][1])


DOCUMENTED = re.compile(
    r"(?P<what>\S.+[.:] )Unit: (?P<unit>[^.]+)\. "
    r"Default: (?P<default>empty|``[^`]+``)(?: \([^)]+\))?\. "
    r"Cost: (?P<cost>(?:none|free)\b.*|.*(?:\$[0-9]|\bcent).*)\."
)


def _docstrings() -> dict[str, str]:
    """Every field's docstring, on one line, out of the source: Python keeps none."""
    tree = ast.parse((PROJECT / "cloud_sync" / "settings.py").read_text(encoding="utf-8"))
    [settings] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings"]
    found = {}
    for field, following in zip(settings.body, settings.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            text = following.value if isinstance(following, ast.Expr) else None
            found[field.target.id] = " ".join(str(text.value).split()) if isinstance(text, ast.Constant) else ""
    return found


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_says_what_it_is_its_unit_its_default_and_its_cost(name: str) -> None:
    said = DOCUMENTED.fullmatch(_docstrings()[name])
    assert said is not None, _docstrings()[name]
    default = getattr(Settings(), name)
    as_written = "empty" if default == "" else f"``{str(default).lower() if isinstance(default, bool) else default}``"
    assert said["default"] == as_written


@pytest.mark.parametrize("name", sorted(RANGES))
def test_the_documented_range_of_a_setting_is_the_one_that_is_checked(name: str) -> None:
    said = _docstrings()[name]
    if name == "multipart_threshold":
        assert "5 MiB to 5 GiB" in said
        assert RANGES[name] == (5 * MIB, 5 * GIB)
    elif name == "bytes_per_function":
        assert "at least 5 MiB" in said
        assert RANGES[name][0] == 5 * MIB
    else:
        low, high = RANGES[name]
        assert f", {low:,} to {high:,}. Default:" in said


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ({"gopro_api_url": "https://trial.gopro.com"}, "'gopro_api_url' is refused for stage 'prod'"),
        ({**DEV, **SECRET, "gopro_api_url": "https://trial.gopro.com"}, "refused with 'existing_secret'"),
        ({**DEV, "gopro_api_url": "https://trial.example"}, "needs its host in 'allowed_hosts': add trial.example"),
        ({**DEV, "gopro_api_url": "https://notgopro.com"}, "needs its host in 'allowed_hosts': add notgopro.com"),
        ({**DEV, "gopro_api_url": "http://trial.gopro.com"}, "'gopro_api_url' must be an https URL"),
        ({**DEV, "gopro_api_url": "https://trial.gopro.com:8443"}, "'gopro_api_url' must be an https URL"),
        ({**DEV, "gopro_api_url": "https://me@trial.gopro.com"}, "'gopro_api_url' must be an https URL"),
        ({**DEV, "gopro_api_url": "https://trial.gopro.com/?a=b"}, "'gopro_api_url' must be an https URL"),
    ],
)
def test_nobodys_cookies_go_to_another_server_by_accident(context: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_context(context)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("url", ["https://gopro.com", "https://trial.gopro.com/", "https://a.b.gopro.com/one/two"])
def test_a_trial_stage_may_name_another_server_among_the_allowed_hosts(url: str) -> None:
    assert Settings.from_context({**DEV, "gopro_api_url": url}).gopro_api_url == url
