"""The command line of ``benchmarks.copy``: read strictly, and never repeated in an error where it may hold a secret."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from cloud_sync_common.errors import UnsafeUrl
from cloud_sync_common.models import SecretUrl
from cloud_sync_common.transfer.adapters import REQUESTS, SOCKETS
from cloud_sync_common.transfer.planning import MIB

_S3_URL = re.compile(r"s3://([^/]+)/(.+)", re.DOTALL)


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options, with ``bucket`` and ``key``. Ends the program with 2 for a wrong line, or 0 for ``--help``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.copy", description="Copy one URL to one S3 object.")
    parser.add_argument("url", metavar="URL", help="what to copy, http or https", type=_source_url)
    parser.add_argument("target", metavar="s3://BUCKET/KEY", help="where to", type=_target)
    parser.add_argument("--endpoint-url", help="an S3 server, http or https (default: AWS)", type=_endpoint)
    parser.add_argument("--workers", help="parts at a time at most, 1 to 64 (default: 4)", type=_workers, default=4)
    parser.add_argument("--part-size", help="in MiB, 5 to 5120 (default: the product's choice)", type=_part_size)
    parser.add_argument("--ca-bundle", help="authorities to trust, PEM", metavar="FILE", type=_file)
    parser.add_argument("--adapter", choices=[SOCKETS, REQUESTS], default=SOCKETS)
    options = parser.parse_args(arguments)
    options.bucket, options.key = options.target
    return options


def any_url(url: str) -> SecretUrl:
    """Whoever names a URL on the command line may open it, and wherever it redirects to by http or https."""
    if not _can_be_asked(url):
        raise UnsafeUrl("the URL, or one that it redirects to, is not an http or https URL")
    return SecretUrl(url)


def _can_be_asked(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and _is_plain(url)
    except ValueError:
        return False


def _is_plain(url: str) -> bool:
    return url.isascii() and url.isprintable() and " " not in url


def _source_url(text: str) -> str:
    # Its signature is a secret: no message shows it, argparse's own for a ValueError neither.
    try:
        return any_url(text)
    except UnsafeUrl:
        raise argparse.ArgumentTypeError("not an http or https URL") from None


def _endpoint(text: str) -> str:
    if not re.fullmatch(r"https?://[^?#@\s]+", text) or not _can_be_asked(text):
        raise argparse.ArgumentTypeError("not like https://127.0.0.1:9000")
    return text


def _target(text: str) -> tuple[str, str]:
    match = _S3_URL.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not like s3://bucket/key")
    return match[1], match[2]


def _workers(text: str) -> int:
    return _whole_number(text, 1, 64)


def _part_size(text: str) -> int:
    return _whole_number(text, 5, 5120) * MIB


def _whole_number(text: str, least: int, most: int) -> int:
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)


def _file(text: str) -> Path:
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path
