"""Where faults may happen: the services, and what their operations are called."""

from __future__ import annotations

from functools import cache

from sandbox.gopro.operations import API_OPERATIONS, API_SERVICE, CDN_OPERATIONS, CDN_SERVICE

FUNCTIONS = "lambda"
"""Not a server: faults there happen to whole invocations."""
ANY = "any"
"""Every server that a program calls; for the k-th call of a function, whatever it is about."""
KMS = "kms"
"""Called by S3 on behalf of whoever calls S3, never over a connection of its own."""
SERVERS = (API_SERVICE, CDN_SERVICE, "s3", "dynamodb", "secretsmanager", KMS, "sns", "states")
PLACES = (*SERVERS, FUNCTIONS, ANY)

BODILESS = (API_SERVICE, CDN_SERVICE)
"""Their requests are GET and HEAD."""

_MODELS = {"dynamodb": "dynamodb", "secretsmanager": "secretsmanager", "sns": "sns", "states": "stepfunctions"}


@cache
def operations(service: str) -> tuple[str, ...]:
    """Return the names of a server's operations: the simulator's, our S3's, and for the others botocore's."""
    if service == API_SERVICE:
        return API_OPERATIONS
    if service == CDN_SERVICE:
        return CDN_OPERATIONS
    if service == KMS:
        return ("GenerateDataKey", "Decrypt")
    if service == "s3":
        return _s3_operations()
    return _modelled_operations(_MODELS[service])


def _s3_operations() -> tuple[str, ...]:
    from sandbox.s3.operations.table import OPERATIONS  # noqa: PLC0415 - a reader of faults need not load a server

    return tuple(operation.name for operation in OPERATIONS)


def _modelled_operations(name: str) -> tuple[str, ...]:
    from botocore.loaders import Loader  # noqa: PLC0415 - takes 0.2 s, for a word that may be misspelt

    return tuple(Loader().load_service_model(name, "service-2")["operations"])
