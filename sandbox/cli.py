"""The sandbox's command line: options in, exit code out. Its words are a public interface.

Exit codes: 0 the run succeeded and was proven; 1 anything else; 2 the command line is wrong; 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn
from urllib.parse import urlsplit

from sandbox.faults import FaultsError, load_faults
from sandbox.gopro.command import serve
from sandbox.gopro.server import URL_LIFETIME
from sandbox.run.errors import Interrupted, SandboxError, UsageError, one_line
from sandbox.run.options import RunOptions, check_assembly, check_scheduled, parse_input, parse_remote, parse_settings
from sandbox.run.state_folder import check_apart
from sandbox.wire.orders import undisturbed

DESCRIPTION = "The whole pipeline on this machine: no AWS account, no Docker."


class Parser(argparse.ArgumentParser):
    """argparse with one-line errors and no abbreviations, which would freeze every prefix of an option's name."""

    def __init__(self, **keywords: Any) -> None:
        super().__init__(allow_abbrev=False, **keywords)

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage; ``main`` prints the one line."""
        raise UsageError(f"{one_line(message)} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line and return its exit code; every expected failure is one line on stderr."""
    try:
        chosen = _parser().parse_args(arguments)
        if chosen.command == "gopro":
            return _gopro(chosen)
        return _run(chosen)
    except SandboxError as error:
        return _fail(one_line(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", 130)
    except BrokenPipeError:
        # Whoever read our output has gone (`| head`); the interpreter must not fail again on its last flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def install_last_resort() -> None:
    """An error that nobody expected becomes one line, too; its traceback goes to a file whose path the line shows."""
    sys.excepthook = _keep_traceback


def _keep_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="gopro-sandbox-error-", suffix=".log", delete=False
    ) as log:
        log.writelines(traceback.format_exception(kind, error, trace))
    _fail(f"internal error: {kind.__name__}; please report it with {log.name}", 1)


def _fail(line: str, code: int) -> int:
    sys.stderr.write(f"sandbox: {line}\n")
    return code


def _parser() -> Parser:
    parser = Parser(prog="python -m sandbox", description=DESCRIPTION)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", description="Deploy the template locally, run the pipeline, prove the result."))
    gopro = commands.add_parser("gopro", description="Serve only the GoPro simulator; prints its URL and credentials.")
    gopro.add_argument("--port", type=_port, default=0, metavar="P", help="port to listen on (default: a free one)")
    gopro.add_argument(
        "--library", type=_path, metavar="PATH", help="serve the files of a folder, or what a .toml file describes"
    )
    gopro.add_argument("--faults", type=_path, metavar="FILE", help="disturb every client by the faults of this file")
    gopro.add_argument(
        "--url-lifetime", type=_count, default=URL_LIFETIME, metavar="S", help="seconds that a file's URL is good for"
    )
    gopro.add_argument(
        "--public-url", type=_public_url, metavar="URL", help="https address of the tunnel or proxy that leads here"
    )
    gopro.add_argument("--bytes-per-second", type=_count, metavar="N", help="send each file no faster than this")
    return parser


def _add_run(run: argparse.ArgumentParser) -> None:
    run.add_argument(
        "--library", type=_path, metavar="PATH", help="serve a folder's files, or what a .toml file describes"
    )
    run.add_argument("--gopro-url", metavar="URL", help="use this GoPro-speaking server instead of the simulator")
    run.add_argument("--credentials", type=_path, metavar="FILE", help="the secret's JSON for --gopro-url")
    run.add_argument("--input", metavar="JSON", help="state machine input (default: {})")
    run.add_argument("--scheduled", action="store_true", help="start each execution as the template's schedule would")
    run.add_argument("--runs", type=_count, default=1, metavar="N", help="execute N times against the same account")
    run.add_argument(
        "--setting", action="append", default=[], metavar="KEY=VALUE", help="override a CDK setting (repeatable)"
    )
    run.add_argument(
        "--assembly", type=_path, metavar="DIR", help="deploy this synthesised assembly instead of synthesising"
    )
    run.add_argument("--faults", type=_path, metavar="FILE", help="inject the faults of this TOML file")
    run.add_argument(
        "--seed", type=_seed, metavar="N", help="inject random faults, the same for the same N (with --faults: chances)"
    )
    run.add_argument(
        "--state", type=_path, metavar="DIR", help="keep the whole account in DIR and go on where the last run ended"
    )
    run.add_argument("--out", type=_path, metavar="DIR", help="write bucket, tracker, report, history and logs to DIR")
    run.add_argument("--json", action="store_true", help="end with one line of JSON on stdout")


def run_options(arguments: Sequence[str]) -> RunOptions:
    """What a ``run`` command line asks for; raises ``UsageError``."""
    return _options(_parser().parse_args(arguments))


def _options(chosen: argparse.Namespace) -> RunOptions:
    settings = parse_settings(chosen.setting)
    return RunOptions(
        library=chosen.library,
        remote=parse_remote(chosen.gopro_url, chosen.credentials, chosen.library, chosen.state),
        input=parse_input("{}" if chosen.input is None else chosen.input),
        scheduled=check_scheduled(chosen.scheduled, chosen.input),
        runs=chosen.runs,
        settings=settings,
        out=chosen.out,
        state=check_apart(chosen.state, chosen.out),
        as_json=chosen.json,
        assembly=check_assembly(chosen.assembly, settings),
        faults=chosen.faults,
        seed=chosen.seed,
    )


def _gopro(chosen: argparse.Namespace) -> int:
    try:
        faults = None if chosen.faults is None else load_faults(chosen.faults, everyone=True)
    except FaultsError as error:
        raise UsageError(f"--faults {one_line(error)}") from None
    return serve(
        chosen.port,
        chosen.library,
        public_url=chosen.public_url,
        bytes_per_second=chosen.bytes_per_second,
        url_lifetime=chosen.url_lifetime,
        plan=undisturbed if faults is None else faults.plan,
    )


def _run(chosen: argparse.Namespace) -> int:
    options = _options(chosen)
    # Only now: the parts that a run consists of take a second to import, and a usage error should not wait for them.
    from sandbox.run.session import run_session  # noqa: PLC0415

    try:
        return run_session(options)
    except Interrupted as error:
        further = " and cleaned up" if options.state is None else "; the same command goes on where this one ended"
        return _fail(f"interrupted; everything was stopped{further}", error.exit_code)


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("the path is empty")
    return Path(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 1")
    return int(text)


def _public_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address like https://example.trycloudflare.com")
    return text.rstrip("/")


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0")
    return int(text)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)
