"""Synthesises the stack for many settings in one process, because starting Node.js takes longer than the rest.

``python -m tests.infrastructure.synthesise_many <folder>`` reads ``{name: context}`` from standard input and writes the
cloud assembly of each into ``<folder>/<name>``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from cloud_sync.stages import file_context, read_settings
from cloud_sync.toolchain import use_bundled_node


def main() -> None:
    """Do as the module says."""
    use_bundled_node()
    import aws_cdk as cdk  # noqa: PLC0415 - it starts Node.js, which must be found first

    from cloud_sync.stack import CloudSyncStack  # noqa: PLC0415 - as above

    flags = {key: value for key, value in file_context().items() if ":" in key}
    for name, context in json.load(sys.stdin).items():
        settings = read_settings(context, base={})
        app = cdk.App(
            outdir=str(Path(sys.argv[1]) / name),
            # Assets stay where they are: nobody looks at them here.
            context={**flags, "aws:cdk:bundling-stacks": [], "aws:cdk:disable-asset-staging": True},
            analytics_reporting=False,
        )
        CloudSyncStack(app, settings.stack_name, settings=settings)
        app.synth()


if __name__ == "__main__":
    main()
