"""What the simulator's operations are called in faults and records."""

from __future__ import annotations

from sandbox.gopro.signing import is_cdn_path

API_SERVICE, CDN_SERVICE = "gopro-api", "gopro-cdn"

_LISTINGS = {
    "/media/search": "search",
    "/media/user": "user",
    "/media/deleted": "deleted",
    "/media/x/zip/source": "zip",
}
API_OPERATIONS = (*_LISTINGS.values(), "medium", "download")
CDN_OPERATIONS = ("get", "head")


def operation_of(method: str, path: str) -> tuple[str, str]:
    """Name service and operation of a request by its method and its path without the query.

    At the API an unknown path is a ``medium``, which it will not find; at the CDN every method but HEAD is a ``get``.
    """
    if is_cdn_path(path):
        return CDN_SERVICE, "head" if method == "HEAD" else "get"
    if path in _LISTINGS:
        return API_SERVICE, _LISTINGS[path]
    return API_SERVICE, "download" if path.endswith("/download") else "medium"
