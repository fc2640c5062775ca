"""Holds a run in the middle: the first object for the archive waits on its way into S3."""

from __future__ import annotations

import threading

from sandbox.s3.behaviour import Action, Call, Hold
from sandbox.s3.behaviour import Stage as Moment


class HeldArchive:
    """A behaviour of the S3 server: every PutObject into the archive is held until the ``gate`` is opened."""

    def __init__(self) -> None:
        self.gate, self.reached = threading.Event(), threading.Event()

    def __call__(self, moment: Moment, call: Call) -> Action | None:
        if moment == Moment.REQUEST and call.operation == "PutObject" and call.key.startswith("gopro-videos/"):
            self.reached.set()
            return Hold(self.gate)
        return None
