"""``media_lister`` with its surroundings, and a loop like the state machine's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cloud_sync_common.edges.runs_bucket import RunsBucket, run_key
from cloud_sync_common.models import Status
from cloud_sync_common.rules.events import ListEvent
from cloud_sync_common.rules.listing_row import parse_medium, signature
from cloud_sync_common.services.listing import Lister
from cloud_sync_common.transfer.deadline import Deadline
from tests.support.aws import Account
from tests.support.clocks import ManualClock
from tests.support.gopro import CREDENTIALS, GoPro, gopro

RUN = "20260131T120000Z-n1"


@dataclass
class Listing:
    """One account, its library, and the lister between them."""

    aws: Account
    cloud: GoPro
    runs: RunsBucket
    clock: ManualClock = field(default_factory=ManualClock)

    @property
    def lister(self) -> Lister:
        """The service, as a fresh function process builds it."""
        provider = self.cloud.provider()
        return Lister(provider, lambda: CREDENTIALS, self.aws.tracker, self.aws.ledger, self.runs, lambda: "now")

    def slice(self, cursor: dict[str, Any] | None = None, seconds: float = 1_000.0) -> dict[str, Any]:
        """One invocation."""
        deadline = Deadline(self.clock, self.clock.time + seconds)
        return self.lister.run(ListEvent(RUN, cursor or {}), deadline)

    def whole(self, seconds: float = 1_000.0) -> dict[str, Any]:
        """Invocations until there is no cursor."""
        result = self.slice(seconds=seconds)
        for _ in range(20):
            assert set(result) == {"decision", "cursor", "manifest_key"}
            if result["decision"] != "CONTINUE":
                return result
            result = self.slice(result["cursor"], seconds)
        raise AssertionError("the listing never ends")

    def manifest(self) -> list[str]:
        """The ids that are queued, in their order."""
        return [item["media_id"] for item in self.document("manifest.json")]

    def document(self, name: str) -> Any:
        """One of the run's documents."""
        return self.runs.get_json(run_key(RUN, name))

    def ask(self, **request: Any) -> None:
        """Store what the run was asked for, as ``run_control`` does."""
        self.runs.put_json(run_key(RUN, "request.json"), request)

    def synced(self, listed: dict[str, Any], **facts: Any) -> None:
        """Have a listed row archived by an earlier run."""
        medium = parse_medium(listed)
        assert medium is not None
        self.aws.tracker.claim(medium.media_id, seen=0, owner="earlier", now=0, expires=0, facts={})
        self.aws.tracker.finish_medium(
            medium.media_id, 1, Status.COMPLETED, {"synced_signature": signature(medium), **facts}
        )


@contextmanager
def open_listing(aws: Account) -> Iterator[Listing]:
    """A lister of an empty library for a run that was asked for nothing special."""
    with gopro() as cloud:
        made = Listing(aws, cloud, aws.runs())
        made.ask()
        yield made
