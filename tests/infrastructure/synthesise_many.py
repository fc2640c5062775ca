"""Synthesises the stack for many settings in one process, because starting Node.js takes longer than the rest.

``python -m tests.infrastructure.synthesise_many <folder>`` reads ``{name: context}`` from standard input and writes the
cloud assembly of each into ``<folder>/<name>``, unjudged; and into ``<folder>/careless``, judged, the default one with
an open bucket added to it, as a careless change would.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.judged import synthesise, unsynthesised

if TYPE_CHECKING:
    import aws_cdk as cdk


def _careless(stack: cdk.Stack) -> None:
    from aws_cdk import aws_s3 as s3  # noqa: PLC0415 - starts Node.js, which has been found now

    s3.Bucket(stack, "Careless")


if __name__ == "__main__":
    out = Path(sys.argv[1])
    for name, context in json.load(sys.stdin).items():
        unsynthesised(out / name, context)[0].synth()
    synthesise(out / "careless", {}, _careless)
