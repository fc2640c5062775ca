"""Synthesises the stack of one stage: ``python app.py`` (into ``cdk.out`` or ``CDK_OUTDIR``) or ``npx cdk synth``.

Works offline, without credentials, and without the CDK's command line or Node.js on the machine.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from cloud_sync.bundling import BundlingError
from cloud_sync.settings import SettingsError
from cloud_sync.stages import file_context, read_settings
from cloud_sync.toolchain import use_bundled_node

PROJECT = Path(__file__).resolve().parent


def main() -> int:
    """Write the cloud assembly; return 0, or 1 after a one-line error."""
    # The CDK is loaded last: it starts Node.js, which must be found first, and it takes seconds.
    use_bundled_node()
    import aws_cdk as cdk  # noqa: PLC0415 - see above

    from cloud_sync.stack import CloudSyncStack  # noqa: PLC0415 - see above

    # The command line passes cdk.json's context on; without it (plain Python) the flags would be missing.
    try:
        defaults = file_context()
    except SettingsError as error:
        return _fail(error)
    app = cdk.App(
        outdir=os.environ.get("CDK_OUTDIR") or str(PROJECT / "cdk.out"),
        context=defaults,
        analytics_reporting=False,
    )
    try:
        settings = read_settings(app.node.get_all_context(), base=defaults)
        stack = CloudSyncStack(app, settings.stack_name, settings=settings)
    except (SettingsError, BundlingError) as error:
        return _fail(error)
    cdk.Tags.of(stack).add("Application", "gopro-cloud-sync")
    cdk.Tags.of(stack).add("Stage", settings.stage)
    app.synth()
    return 0


def _fail(error: Exception) -> int:
    print(f"error: {error}", file=sys.stderr)  # noqa: T201 - this is the command's user interface
    return 1


if __name__ == "__main__":
    sys.exit(main())
