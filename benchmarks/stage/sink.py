"""The sink: as much of S3 as an upload needs, which counts and checks the bytes and throws them away.

Any signature is accepted. Content is told by its CRC64NVME, which costs next to nothing; other checksums, MD5 and
SHA-256 are taken as given. Nothing is listed, and objects cannot be read. Run by ``Stage`` as a process of its own, so
that what it costs is not the measured program's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.stage import sink_answers, wire
from benchmarks.stage.serving import arguments, serve
from benchmarks.stage.sink_answers import Answer
from benchmarks.stage.sink_requests import CRC_HEADER, Request, number_of, read_body, request_of
from benchmarks.stage.sink_state import CRC64NVME, Refused, State


class Sink:
    """Serves connections; ``answer`` takes the stage's orders."""

    def __init__(self) -> None:
        self._state = State()

    def answer(self, order: Mapping[str, str]) -> Any:
        """``{"stored": KEY}`` asks what is visible, ``{"forget": KEY}`` drops it."""
        if "forget" in order:
            self._state.forget(order["forget"])
            return None
        found = self._state.visible(order["stored"])
        return found and {"size": found.size, "crc64nvme": found.crc64nvme, "parts": found.parts}

    def serve(self, connection: wire.Wire) -> None:
        """Answer requests until the client closes. A body that breaks off is never answered, nor kept."""
        while head := wire.read_head(connection):
            request = request_of(head)
            try:
                read_body(connection, head, request)
                answer = self._answered(request)
            except Refused as refused:
                answer = sink_answers.error(refused)
            connection.send(answer.encoded(with_body=head.method != "HEAD"))
            if wire.closes(head.headers):
                return

    def _answered(self, request: Request) -> Answer:
        if not request.key:
            return self._of_bucket(request)
        if "uploadId" in request.query:
            return self._of_upload(request, request.query["uploadId"])
        if request.method == "POST" and "uploads" in request.query:
            return self._create(request)
        if request.method == "PUT":
            self._state.put(request.key, request.received, only_if_absent=request.only_if_absent)
            return sink_answers.stored(request.received, checksum=request.declares_crc)
        if request.method == "HEAD":
            return sink_answers.head(self._state.visible(request.key))
        if request.method == "DELETE":
            self._state.forget(request.key)
            return Answer(204)
        raise Refused("NotImplemented", 501)

    def _of_bucket(self, request: Request) -> Answer:
        if request.method in {"PUT", "HEAD"}:
            return Answer(200)
        if request.method != "GET":
            raise Refused("NotImplemented", 501)
        if "location" in request.query:
            return sink_answers.location()
        if "uploads" in request.query:
            return sink_answers.uploads(request.bucket, self._state.uploads())
        return sink_answers.empty_list(request.bucket)

    def _create(self, request: Request) -> Answer:
        algorithm = request.headers.get("x-amz-checksum-algorithm", "")
        kind = request.headers.get("x-amz-checksum-type", "")
        upload_id = self._state.create(request.key, algorithm, kind)
        return sink_answers.created(request.bucket, request.key, upload_id, algorithm, kind)

    def _of_upload(self, request: Request, upload_id: str) -> Answer:
        key = request.key
        if request.method == "PUT":
            number = number_of(request.query.get("partNumber"))
            if number is None or not 1 <= number <= 10_000:
                raise Refused("InvalidArgument")
            upload = self._state.add_part(key, upload_id, number, request.received)
            declared = request.declares_crc or upload.algorithm == CRC64NVME
            return sink_answers.stored(request.received, checksum=declared)
        if request.method == "GET":
            upload = self._state.upload(key, upload_id)
            return sink_answers.parts(request.bucket, upload_id, upload, self._state.parts(key, upload_id))
        if request.method == "DELETE":
            self._state.abort(key, upload_id)
            return Answer(204)
        if request.method != "POST":
            raise Refused("NotImplemented", 501)
        upload = self._state.upload(key, upload_id)
        whole = self._state.complete(
            key,
            upload_id,
            sink_answers.listed_parts(request.kept),
            only_if_absent=request.only_if_absent,
            size=number_of(request.headers.get("x-amz-mp-object-size")),
            crc64nvme=request.headers.get(CRC_HEADER),
        )
        return sink_answers.completed(request.bucket, key, whole, checksum=upload.algorithm == CRC64NVME)


def main() -> None:
    """Serve as the command line says."""
    sink = Sink()
    serve(sink.serve, sink.answer, arguments("The benchmark's sink.").parse_args().certificate)


if __name__ == "__main__":
    main()
