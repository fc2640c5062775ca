"""The options of ``sandbox run``, checked: complete and consistent, or a ``UsageError`` says why not."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

from sandbox.run.errors import UsageError

CREDENTIAL_KEYS = ("cookies", "user-agent")


@dataclass(frozen=True, slots=True)
class RemoteGoPro:
    """A GoPro-speaking server that is not ours; ``credentials`` is the secret's JSON and stays out of every repr.

    Empty credentials: those that the kept account has.
    """

    url: str
    credentials: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What ``sandbox run`` was asked to do; at most one of ``library`` and ``remote`` is given."""

    library: Path | None = None
    remote: RemoteGoPro | None = None
    input: Mapping[str, object] = field(default_factory=dict)
    runs: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    out: Path | None = None
    as_json: bool = False
    state: Path | None = None
    """A folder that keeps the account from one invocation to the next."""
    scheduled: bool = False
    """Each run is started by the stack's schedule, with the schedule's own input."""
    assembly: Path | None = None
    """A synthesised cloud assembly to deploy instead of synthesising the project's own."""
    faults: Path | None = None
    """A file of faults to inject."""
    seed: int | None = None
    """Of random faults, or of the chances in ``faults``."""


def parse_input(text: str) -> dict[str, object]:
    """The state machine's input: a JSON object. What its keys mean is the pipeline's own business."""
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except ValueError as error:
        raise UsageError(f"--input is not JSON ({error}); give an object such as '{{\"limit\": 3}}'") from None
    if not isinstance(value, dict):
        raise UsageError("--input must be a JSON object such as '{}' or '{\"limit\": 3}'")
    return value


def check_scheduled(scheduled: bool, text: str | None) -> bool:
    """Whether the schedule starts the runs; it has an input of its own."""
    if scheduled and text is not None:
        raise UsageError("--scheduled and --input exclude each other: the schedule has its own input in the template")
    return scheduled


def _refuse_constant(name: str) -> NoReturn:
    """Python reads NaN and Infinity; Step Functions does not."""
    raise ValueError(f"{name} is not JSON")


def parse_settings(pairs: Sequence[str]) -> dict[str, str]:
    """``KEY=VALUE`` pairs; the last one of a key wins. Whether a key exists is for the CDK app to say."""
    settings = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key.strip():
            raise UsageError(f"--setting {pair!r} is not KEY=VALUE, such as --setting workers=2")
        settings[key.strip()] = value
    return settings


def check_assembly(assembly: Path | None, settings: Mapping[str, str]) -> Path | None:
    """The folder that ``cdk synth`` has written, or ``None``; settings are part of it already."""
    if assembly is None:
        return None
    if settings:
        raise UsageError("--assembly and --setting exclude each other: a synthesised assembly has its settings in it")
    if not any(assembly.glob("*.template.json")):
        raise UsageError(f"--assembly {assembly} holds no *.template.json; `make synth` writes one into cdk.out")
    return assembly


def parse_remote(
    url: str | None, credentials: Path | None, library: Path | None, state: Path | None = None
) -> RemoteGoPro | None:
    """The server to use in place of the simulator, or ``None``; the options are checked against each other."""
    if url is None and credentials is None:
        return None
    if url is None:
        raise UsageError("--credentials needs --gopro-url as well: the built-in simulator makes its own credentials")
    if credentials is None and state is None:
        raise UsageError("--gopro-url needs --credentials FILE as well: a JSON file with cookies and user-agent")
    if library is not None:
        raise UsageError("--library and --gopro-url exclude each other: a library is served by the built-in simulator")
    return RemoteGoPro(parse_gopro_url(url), {} if credentials is None else read_credentials(credentials))


def parse_gopro_url(url: str) -> str:
    """The base URL without a trailing slash; https, or http to this machine itself."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"--gopro-url is not a URL ({error})") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise UsageError("--gopro-url must look like https://api.gopro.com")
    if _has_extras(parts):
        raise UsageError("--gopro-url must be a plain address: no user name, query or fragment")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(f"--gopro-url may be plain http only to this machine (127.0.0.1); use https for {host}")
    return url.rstrip("/")


def _has_extras(parts: SplitResult) -> bool:
    return bool("@" in parts.netloc or parts.query or parts.fragment)


def is_loopback(host: str) -> bool:
    """Tell whether this host name or address is the machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_credentials(path: Path) -> dict[str, str]:
    """The secret's JSON from a file; a message names the key that is wrong and never its value."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"--credentials {path}: {error.strerror}") from None
    except ValueError:
        # The parser's own message can quote the file, and the file is a secret.
        raise UsageError(f"--credentials {path} is not JSON; it must hold {_example()}") from None
    if not isinstance(value, dict):
        raise UsageError(f"--credentials {path} is not a JSON object; it must hold {_example()}")
    for key in CREDENTIAL_KEYS:
        if not isinstance(value.get(key), str) or not value[key].strip():
            raise UsageError(f"--credentials {path}: {key!r} is missing or not a text; it must hold {_example()}")
    return value


def _example() -> str:
    return '{"cookies": "...", "user-agent": "..."}'
