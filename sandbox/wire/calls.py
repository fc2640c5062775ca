"""A call as one of the sandbox's servers sees it, in the words that faults and records use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A function's process. ``function`` is its handler's folder (``video_downloader``), ``pid`` the process id."""

    function: str
    pid: int


@dataclass(frozen=True, slots=True)
class Call:
    """One request that has arrived.

    ``service`` is ``gopro-api``, ``gopro-cdn`` or AWS's own name for it (``s3``, ``dynamodb``, ``secretsmanager``,
    ``kms``, ``sns``, ``states``, ``lambda``). ``operation`` is the API's name of the operation (``UploadPart``);
    GoPro's are named in ``sandbox.gopro``. ``resource`` is what it is about: bucket/key, table, secret, path.
    ``caller`` is ``None`` for everyone who is not a function.
    """

    service: str
    operation: str
    resource: str
    caller: Caller | None = None
