"""AWS credentials that run out while bytes move: each part is signed anew, and a late refusal stops no run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.credentials import RefreshableCredentials
from botocore.session import Session

from cloud_sync_common.edges.archive import Archive
from cloud_sync_common.errors import ArchiveUnavailable
from cloud_sync_common.observability.tracing import Tracing
from cloud_sync_common.rules.urls import check_url
from cloud_sync_common.transfer.adapters import requests_adapter, sockets_adapter
from cloud_sync_common.transfer.engine import PartJob, PartMover
from cloud_sync_common.transfer.planning import PartPlan
from cloud_sync_common.transfer.retry import Retry
from cloud_sync_common.transfer.source import SourceReader
from cloud_sync_common.transfer.stats import TransferStats
from cloud_sync_common.transfer.urls import PieceUrls
from sandbox.s3 import BucketConfig, Call, S3Error, S3Server
from sandbox.s3.behaviour import Stage
from tests.support.adapters import ADAPTERS
from tests.support.aws import REGION
from tests.support.clocks import Naps, no_hurry
from tests.support.media import piece
from tests.support.media import source as planned
from tests.support.pipeline import PART, make_file, make_medium, source, world
from tests.support.scripted_http import Answer, Request, ScriptedServer, origin
from tests.support.strict_s3 import ATTRIBUTES, BUCKET, KEY

ID = "b" * 24
CONTENT = bytes(range(251)) * 40
PLAN = PartPlan(len(CONTENT), 2_000)
LIFE = timedelta(minutes=20)


@dataclass
class Issuer:
    """Hands out keys that live for 20 minutes; S3 knows the newest one only."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    issued: int = 0
    known: dict[str, str] = field(default_factory=dict)

    def issue(self) -> dict[str, str]:
        """New keys, in the form that botocore's providers return."""
        self.issued += 1
        self.known.clear()
        self.known[f"AKIA{self.issued}"] = f"secret-{self.issued}"
        expires = (self.now + LIFE).isoformat()
        return {
            "access_key": f"AKIA{self.issued}",
            "secret_key": f"secret-{self.issued}",
            "token": f"token-{self.issued}",
            "expiry_time": expires,
        }

    def load_credentials(self) -> RefreshableCredentials:
        """What botocore asks a credential provider for."""
        first = self.issue()
        return RefreshableCredentials(
            first["access_key"],
            first["secret_key"],
            first["token"],
            self.now + LIFE,
            refresh_using=self.issue,
            method="test",
            time_fetcher=lambda: self.now,
        )


@dataclass
class Rig:
    """A source, an S3 that forgets old keys, and the mover between them."""

    issuer: Issuer
    server: ScriptedServer
    s3: S3Server
    mover: PartMover
    naps: Naps
    refusals: list[str] = field(default_factory=list)

    def move(self) -> None:
        """All parts, proven complete."""
        upload = self.mover.archive.create_upload(KEY, ATTRIBUTES)
        job = PartJob(KEY, upload, planned(len(CONTENT)), PieceUrls(piece(url=self.server.url), dict))
        moved = self.mover.move(job, PLAN, no_hurry(), TransferStats())
        assert self.mover.archive.parts(KEY, upload) == {part.number: part for part in moved}
        assert len(moved) == PLAN.count

    def signed_by(self) -> list[str | None]:
        """Whose signature each part carried that S3 has taken."""
        return [call.access_key_id for call in self.s3.requests if (call.operation, call.status) == ("UploadPart", 200)]


@pytest.fixture(params=ADAPTERS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    issuer, naps, refusals = Issuer(), Naps(), list[str]()

    def refuse(stage: Stage, call: Call) -> S3Error | None:
        asked = (stage, call.operation) == (Stage.REQUEST, "UploadPart") and refusals
        return S3Error.of(refusals.pop(), 400) if asked else None

    with ExitStack() as stack:
        server = stack.enter_context(ScriptedServer(origin(CONTENT)))
        s3 = stack.enter_context(S3Server(tmp_path, region=REGION, credentials=issuer.known, behaviour=refuse))
        s3.create_bucket(BucketConfig(BUCKET))
        client = renewing_client(issuer, s3)
        stack.callback(client.close)
        made = requests_adapter(1) if request.param == "requests" else sockets_adapter(1, environ=trusting(s3))
        stack.callback(made.close)
        made.attach(client)
        reader = SourceReader(made.transport, lambda url: check_url(url, (), allow_loopback_http=True))
        mover = PartMover(
            Archive(client, BUCKET, client), reader, Retry(naps, jitter=lambda most: most), Tracing({}), 1
        )
        yield Rig(issuer, server, s3, mover, naps, refusals)


def trusting(s3: S3Server) -> dict[str, str]:
    """The environment of a function that trusts this server."""
    return {"AWS_CA_BUNDLE": str(s3.ca_bundle)}


def renewing_client(issuer: Issuer, s3: S3Server) -> Any:
    """A client whose credentials are the issuer's newest whenever it signs."""
    session = Session()
    session.register_component("credential_provider", issuer)
    return boto3.Session(botocore_session=session, region_name=REGION).client(
        "s3",
        endpoint_url=s3.url,
        verify=str(s3.ca_bundle),
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}, s3={"addressing_style": "path"}),
    )


def test_credentials_that_are_renewed_between_parts_sign_the_next_one(rig: Rig) -> None:
    served = origin(CONTENT)

    def a_quarter_of_an_hour(request: Request) -> Answer | None:
        rig.issuer.now += timedelta(minutes=15)
        return served(request)

    rig.server.script = a_quarter_of_an_hour
    rig.move()
    assert len(set(rig.signed_by())) == PLAN.count
    assert rig.naps == []


@pytest.mark.parametrize("code", ["ExpiredToken", "TokenRefreshRequired"])
def test_a_part_whose_signature_came_too_late_is_signed_and_sent_again(rig: Rig, code: str) -> None:
    rig.refusals.append(code)
    rig.move()
    assert [request.range for request in rig.server.requests][:2] == [(0, 1_999), (0, 1_999)]
    assert rig.naps == [0.5]


def test_credentials_that_stay_expired_are_left_to_the_workflow_and_stop_no_run(tmp_path: Path) -> None:
    path = make_file(tmp_path / "GX010001.MP4", PART + 5)
    with world(tmp_path, make_medium(ID, source(path))) as account:
        account.workers = 1
        account.s3_behaviour = lambda stage, call: (
            S3Error.of("ExpiredToken", 400) if (stage, call.operation) == (Stage.REQUEST, "UploadPart") else None
        )
        with pytest.raises(ArchiveUnavailable, match="ExpiredToken"):
            account.download(ID)
        assert account.calls("UploadPart") == 3
        assert "stop_error" not in (account.ledger.run("run-1") or {})
        account.s3_behaviour = None
        assert account.download(ID)["outcome"] == "COMPLETED"
        assert account.calls("CreateMultipartUpload") == 1
