"""The two layers: our own source, readable in the console, and third-party packages from the lock file."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cloud_sync import bundling

RUNTIME = lambda_.Runtime.PYTHON_3_14
ARCHITECTURE = lambda_.Architecture.ARM_64


class Layers(Construct):
    """Both layers, in the order in which functions use them.

    Where the CDK context ``aws:cdk:bundling-stacks`` leaves this stack out (tests, sandbox), the third-party layer's
    asset is the folder of its lock file instead: same template, same hashes, nothing downloaded, not deployable.
    """

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(scope, construct_id)
        self.versions = [self._source(), self._runtime()]

    def _source(self) -> lambda_.LayerVersion:
        with bundling.source_layer() as folder:
            return self._layer("Source", lambda_.Code.from_asset(str(folder)), "cloud_sync_common: our own source")

    def _runtime(self) -> lambda_.LayerVersion:
        bundled = cdk.Stack.of(self).bundling_required
        code = lambda_.Code.from_asset(
            str(bundling.runtime_layer() if bundled else bundling.LOCK.parent),
            asset_hash=bundling.runtime_layer_hash(),
            asset_hash_type=cdk.AssetHashType.CUSTOM,
        )
        return self._layer("Runtime", code, "Third-party packages of requirements/runtime.lock")

    def _layer(self, construct_id: str, code: lambda_.Code, description: str) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            construct_id,
            code=code,
            description=description,
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
        )
