"""Says which account, region and stage a CDK command is about to touch, or in one line why it cannot work.

``python scripts/check_account.py deploy -c stage=test``: the CDK's own words, the command's name first. Commands that
need no account pass silently. Exit code 0: go on; 1: one line on stderr says what to do.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from cloud_sync.caller import (  # noqa: E402 - needs the path above
    Caller,
    CallerError,
    identify,
    is_bootstrapped,
    open_session,
)
from cloud_sync.settings import Settings, SettingsError  # noqa: E402 - likewise
from cloud_sync.stages import file_context, read_settings  # noqa: E402 - likewise

NEEDS_ACCOUNT = (
    *("bootstrap", "deploy", "destroy", "diagnose", "diff", "drift", "gc", "import", "orphan"),
    *("publish-assets", "refactor", "rollback", "watch"),
)


def main(arguments: list[str]) -> int:
    """Look at the command and the account; return the exit code."""
    # An environment that is named (aws://ACCOUNT/REGION) is the caller's own choice, and credentials may differ.
    if not arguments or arguments[0] not in NEEDS_ACCOUNT or any(word.startswith("aws://") for word in arguments):
        return 0
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-c", "--context", action="append", default=[])
    parser.add_argument("--profile")
    if {"-h", "--help", "--version"} & set(arguments):
        return 0
    try:
        given, _ = parser.parse_known_args(arguments[1:])
        settings = read_settings(dict(_pair(word) for word in given.context), base=file_context())
        session = open_session(given.profile)
        caller = identify(session)
        if arguments[0] in ("deploy", "diff"):
            _refuse_a_key_of_elsewhere(settings, caller)
    except (argparse.ArgumentError, SettingsError, CallerError) as error:
        return _fail(str(error))
    where = f"account {caller.account}, region {caller.region}"
    if arguments[0] != "bootstrap" and is_bootstrapped(session) is False:
        return _fail(f'{where} is not prepared for the CDK yet: run make cdk ARGS="bootstrap" once')
    about = "" if arguments[0] == "bootstrap" else f", stage {settings.stage} (stack {settings.stack_name})"
    sys.stderr.write(f"{arguments[0]}: {where}{about}\n")
    return 0


def _pair(word: str) -> tuple[str, str]:
    key, equals, value = word.partition("=")
    if not (key and equals):
        raise SettingsError(f"-c takes a setting and its value, like -c workers=2, not {word!r}")
    return key, value


def _refuse_a_key_of_elsewhere(settings: Settings, caller: Caller) -> None:
    """Raise ``SettingsError`` for an adopted key that buckets and functions of the caller's region cannot use."""
    if not settings.existing_key:
        return
    region, account = settings.existing_key.split(":")[3:5]
    if (region, account) != (caller.region, caller.account):
        raise SettingsError(
            f"setting 'existing_key' is a key of account {account}, region {region}, but this is account "
            f"{caller.account}, region {caller.region}: deploy there, or leave the setting out"
        )


def _fail(sentence: str) -> int:
    sys.stderr.write(f"error: {sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
