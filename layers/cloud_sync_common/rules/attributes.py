"""What an archived object carries besides its bytes: enough to rebuild the tracker from the bucket alone. Pure."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from urllib.parse import quote

from cloud_sync_common.models import MediaId, Medium, Piece, PieceId, Source
from cloud_sync_common.rules.piece_names import split_extension

PROVIDER = "gopro"
SIDE_FILE_CLASS = "STANDARD"
SIDE_FILE_BYTES = 128 * 1024
"""Files below it stay out of the archive classes, which bill that much in any case (S3 pricing), and can be read at
once. The bucket's lifecycle rule leaves the same files where they are (docs/adr/0014)."""

MEDIA_ID = "source-media-id"
PIECE = "piece"
TOKEN = "idempotency-token"  # noqa: S105 - the name of a metadata entry

ORIGINAL_NAME = "original-filename"

_LONGEST_METADATA, _LONGEST_VALUE = 2_048, 160
"""Bytes of all user metadata that S3 takes (user guide, UsingMetadata), and of one value but the file name's."""
_PREFIX = "x-amz-meta-"
_SAFE = " !#$&'()*+,-./:;<=>?@[]^_`{|}~\""

_TYPES = {".360": "video/mp4", ".lrv": "video/mp4", ".gpr": "image/x-gopro-gpr", ".insv": "video/mp4"}


def idempotency_token(media_id: MediaId, piece_id: PieceId, source: Source) -> str:
    """The same on every retry of the same bytes; another one when the source's size or validator is another."""
    facts = "\n".join((media_id, piece_id, source.validator or "", "" if source.size is None else str(source.size)))
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def object_metadata(medium: Medium, piece: Piece, source: Source) -> dict[str, str]:
    """User metadata in ASCII: ids, quality, original name and dates, and the idempotency token.

    The name can be read back by percent-decoding it. It gets all the room that the others leave, 600 bytes at least;
    a longer one is cut, and whole in ``medium.json``.
    """
    entries = {
        MEDIA_ID: medium.media_id,
        "provider": PROVIDER,
        PIECE: piece.piece_id,
        "quality": piece.quality,
        "captured-at": medium.captured_at,
        "camera-model": medium.camera_model,
        "media-type": medium.type,
        "source-etag": source.validator,
        TOKEN: idempotency_token(medium.media_id, piece.piece_id, source),
    }
    encoded = {name: _ascii(value) for name, value in entries.items() if value}
    taken = sum(len(_PREFIX) + len(name) + len(value) for name, value in (*encoded.items(), (ORIGINAL_NAME, "")))
    encoded[ORIGINAL_NAME] = _ascii(piece.filename, _LONGEST_METADATA - taken)
    return {name: value for name, value in encoded.items() if value}


def object_tags(medium: Medium, piece: Piece) -> dict[str, str]:
    """Tags for lifecycle rules and cost reports."""
    return {"Source": "GoPro", "AutoSync": "True", "Quality": piece.quality, "MediaType": _tag_value(medium.type)}


def content_type(filename: str) -> str:
    """From the extension: GoPro serves everything as ``binary/octet-stream`` (gopro-api.md 10)."""
    extension = split_extension(filename)[1].lower()
    return _TYPES.get(extension) or mimetypes.guess_type(f"x{extension}")[0] or "application/octet-stream"


def is_media_name(filename: str) -> bool:
    """Whether a name is that of a video, a photo or a sound."""
    return content_type(filename).partition("/")[0] in ("video", "image", "audio")


def storage_class_for(size: int | None, wished: str) -> str:
    """The archive's class, but STANDARD for small files."""
    return SIDE_FILE_CLASS if size is not None and size < SIDE_FILE_BYTES else wished


def is_this_piece(metadata: Mapping[str, str], media_id: MediaId, piece_id: PieceId) -> bool:
    """Whether an object's metadata names this piece, whatever version of it."""
    return metadata.get(MEDIA_ID) == _ascii(media_id) and metadata.get(PIECE) == _ascii(piece_id)


def _ascii(value: str, most: int = _LONGEST_VALUE) -> str:
    """Printable ASCII as it is, everything else percent-encoded; cut between characters where it is too long.

    HTTP takes away blanks at both ends, and signing makes one of several: these are encoded, too.
    """
    encoded = ""
    for place, character in enumerate(value):
        is_plain = character != " " or (0 < place < len(value) - 1 and value[place - 1] != " ")
        more = quote(character, safe=_SAFE if is_plain else "", errors="surrogatepass")
        if len(encoded) + len(more) > most:
            return encoded.rstrip()
        encoded += more
    return encoded


def _tag_value(value: str) -> str:
    kept = "".join(character if character.isalnum() or character in " +-=._:/@" else "_" for character in value)
    return kept[:256] or "unknown"
