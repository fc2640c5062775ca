"""A strict, disk-backed S3 for the sandbox and its tests.

It refuses what S3 refuses, with S3's codes, and refuses by name whatever it has not: it never pretends.
"""

from sandbox.s3.behaviour import Behaviour, Call, Drop, Hold, Rule, Stage, rules
from sandbox.s3.errors import S3Error
from sandbox.s3.kms import key_use
from sandbox.s3.log import LoggedRequest
from sandbox.s3.model import BucketConfig, OpenUpload, StoredObject
from sandbox.s3.server import S3Server

__all__ = [
    "Behaviour",
    "BucketConfig",
    "Call",
    "Drop",
    "Hold",
    "LoggedRequest",
    "OpenUpload",
    "Rule",
    "S3Error",
    "S3Server",
    "Stage",
    "StoredObject",
    "key_use",
    "rules",
]
