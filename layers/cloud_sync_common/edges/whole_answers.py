"""An answer of AWS that ends early is no answer.

botocore does not compare what came with Content-Length, and reads a JSON document that was cut as an empty one: an item
that is there would be "no such item", a secret with cookies "no cookies stored yet".
"""

from __future__ import annotations

from typing import Any

from botocore.exceptions import IncompleteReadError

_WITHOUT_BODY = frozenset({204, 304})


def refuse_cut_answer(operation_model: Any, response_dict: dict[str, Any], **_others: Any) -> None:
    """Botocore's ``before-parse`` handler: raises ``IncompleteReadError``, which is no answer, for a body cut short.

    Bodies that are streamed to the caller are not read yet and not looked at.
    """
    body, announced = response_dict["body"], response_dict["headers"].get("content-length")
    if not isinstance(body, bytes) or announced is None or response_dict["status_code"] in _WITHOUT_BODY:
        return
    if operation_model.http["method"] != "HEAD" and len(body) < int(announced):
        raise IncompleteReadError(actual_bytes=len(body), expected_bytes=int(announced))
