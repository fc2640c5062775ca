"""Decides which files make up a medium: every original, chosen by label and never by order. Pure.

``files[0]`` of a video is a proxy, ``source`` of a burst only its cover, and the order of the lists means nothing: the
tools that went by these lost chapters and frames. A medium is whole or `Resolution.not_ready` says what is missing; a
proxy stands in only where GoPro is ready and has no original at all, and then under its own name. What GoPro makes of
an original (`extra_pieces`) is copied where it is wanted and there, and never keeps the original waiting.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from cloud_sync_common.errors import NoOriginal
from cloud_sync_common.models import Medium, Piece, PieceId, Quality, Resolution
from cloud_sync_common.rules import piece_names
from cloud_sync_common.rules.download_answer import DEFAULT_CAMERA, DownloadAnswer, Entry, distinct, parse_download
from cloud_sync_common.rules.extra_pieces import RAW_PHOTO, extra_name, made_late

SOURCE, BAKED_SOURCE, FRAME = "source", "baked_source", "frame"
FALLBACK = Quality.HIGH_RES_PROXY_MP4.value

STATES_BEFORE_READY = frozenset({
    "registered",
    "uploading",
    "pretranscoding",
    "transcoding",
    "rendering",
    "stabilizing",
    "loading",
    "processing",
    "updating",
    "live",
})  # fmt: skip

_PHOTO_GROUPS = frozenset({"burst", "continuous", "timelapse", "nightlapse"})
_PHOTO_EXTENSIONS = frozenset({"jpg", "jpeg", "png", "heic", "heif", "gpr", "dng", "tif", "tiff", "webp"})
_RAW_EXTENSIONS = frozenset({"gpr", "dng"})
_FRAME_EXTENSIONS = _PHOTO_EXTENSIONS | {"mp4", "mov"}


@dataclass(frozen=True, slots=True)
class _Numbered:
    """An entry and its place among those of its label, from 1."""

    label: str
    number: int
    entry: Entry
    is_extra: bool = False


def waiting_reason(medium: Medium) -> str | None:
    """Say why the medium cannot be copied yet, judged by the listing alone; ``None`` if it may be."""
    if medium.ready_to_view in STATES_BEFORE_READY:
        return f"GoPro reports the medium as {medium.ready_to_view}"
    return None


def resolve(medium: Medium, download: Mapping[str, object], extras: Collection[str] = ()) -> Resolution:
    """Return the pieces of ``medium`` as the download answer offers them now, in a stable order with stable ids.

    Originals come first; ``extras`` are the labels that are wanted besides (a RAW photo then counts as an original).
    URLs are taken as they are: whoever opens one checks it first. Raises `NoOriginal` when GoPro has finished and
    neither an original nor the fallback exists, `SchemaChanged` when the answer has another shape.
    """
    if waiting := waiting_reason(medium):
        return Resolution(pieces=(), not_ready=waiting)
    answer = parse_download(download)
    originals = _originals(medium, answer, with_raw=RAW_PHOTO in extras)
    if originals:
        return _with_extras(_whole(medium, answer, originals), medium, answer, originals, extras)
    if medium.ready_to_view == "ready":
        proxies = numbered(FALLBACK, answer.proxies(FALLBACK))
        return _with_extras(_stand_in(medium, answer, proxies), medium, answer, proxies, extras)
    if medium.ready_to_view == "failure":
        raise NoOriginal("GoPro reports that processing this medium failed, and it has no original of it")
    return Resolution(pieces=(), not_ready=f"GoPro's state `{medium.ready_to_view}`, and no original yet")


def is_photo_name(name: str) -> bool:
    """Tell whether a file name is a photo's."""
    return piece_names.split_extension(name)[1][1:].lower() in _PHOTO_EXTENSIONS


def numbered(label: str, entries: Sequence[Entry]) -> list[_Numbered]:
    """Number the entries of one label: by ``item_number``, else by the number in the URL's path, else as listed.

    One camera position after the other, each numbered on its own; sorted, so that ids do not depend on list order.
    """
    result: list[_Numbered] = []
    for position in sorted(
        {entry.camera_position for entry in entries}, key=lambda name: (name != DEFAULT_CAMERA, name)
    ):
        group = [entry for entry in entries if entry.camera_position == position]
        pairs = zip(_numbers(label, group), group, strict=True)
        result += sorted((_Numbered(label, number, entry) for number, entry in pairs), key=lambda item: item.number)
    return result


def _numbers(label: str, group: Sequence[Entry]) -> list[int]:
    fields = [entry.item_number for entry in group if entry.item_number is not None]
    if len(fields) == len(group) == len(set(fields)):
        return [number + 1 for number in fields] if 0 in fields else fields
    paths = [entry.number_in_path or 0 for entry in group]
    # Nobody has shown the paths of frames: there the numbers must look like a count to be taken for one.
    is_count = set(paths) == set(range(1, len(group) + 1)) or label == SOURCE
    if len(group) > 1 and is_count and 0 not in paths and len(set(paths)) == len(group):
        return paths
    return list(range(1, len(group) + 1))


def _originals(medium: Medium, answer: DownloadAnswer, *, with_raw: bool) -> list[_Numbered]:
    main = _frames(medium, answer) or numbered(SOURCE, answer.labelled(SOURCE)) or _only_photo(medium, answer)
    main += numbered(BAKED_SOURCE, answer.labelled(BAKED_SOURCE))
    return main + numbered(RAW_PHOTO, answer.labelled(RAW_PHOTO)) if main and with_raw else main


def _frames(medium: Medium, answer: DownloadAnswer) -> list[_Numbered]:
    """Every file of a group of photos; its one ``source`` is only the cover."""
    files = distinct(answer.files)
    several_photos = len(files) > 1 and _listed_extension(medium, answer) in _PHOTO_EXTENSIONS
    return numbered(FRAME, files) if several_photos or _is_photo_group(medium, answer) else []


def _is_photo_group(medium: Medium, answer: DownloadAnswer) -> bool:
    """By type; the extension only speaks against it where there is no more than one file (a rendered movie)."""
    is_group = medium.type.lower() in _PHOTO_GROUPS or medium.play_as == "multi_shot_photo"
    is_photo = _listed_extension(medium, answer) in _PHOTO_EXTENSIONS | {""}
    return is_group and (is_photo or len(distinct(answer.files)) > 1)


def _only_photo(medium: Medium, answer: DownloadAnswer) -> list[_Numbered]:
    """A photo's file is the original itself; a video's file is a proxy."""
    if _listed_extension(medium, answer) in _PHOTO_EXTENSIONS or medium.type.lower() == "photo":
        return numbered(SOURCE, distinct(answer.files))
    return []


def _listed_extension(medium: Medium, answer: DownloadAnswer) -> str:
    named = piece_names.split_extension(medium.filename or answer.filename)[1][1:]
    return (medium.file_extension or named).lower()


def _whole(medium: Medium, answer: DownloadAnswer, originals: list[_Numbered]) -> Resolution:
    """All originals as pieces, or the counts of what is missing."""
    fetchable = [item for item in originals if item.entry.is_fetchable]
    if not fetchable and medium.ready_to_view == "failure":
        raise NoOriginal("GoPro reports that processing this medium failed, and none of its originals is available")
    if len(fetchable) < len(originals):
        missing = len(originals) - len(fetchable)
        return Resolution(pieces=(), not_ready=f"{missing} of {len(originals)} originals are not available yet")
    if _is_photo_group(medium, answer) and not answer.files and medium.item_count != 1:
        return Resolution(pieces=(), not_ready="GoPro offers only the cover of this group of photos")
    counted = {item.number for item in originals if item.label in {SOURCE, FRAME}}
    expected = max(medium.item_count or 1, *counted) if counted else 0
    if len(counted) < expected:
        return Resolution(pieces=(), not_ready=f"GoPro offers {len(counted)} of {expected} files of this medium")
    warnings: tuple[str, ...] = ()
    if counted and medium.item_count and expected > medium.item_count:
        warnings = (f"GoPro lists {medium.item_count} files and offers {expected}; all of them are copied",)
    return Resolution(pieces=_pieces(medium, answer, originals), warnings=warnings)


def _stand_in(medium: Medium, answer: DownloadAnswer, proxies: list[_Numbered]) -> Resolution:
    """The best proxy, as what it is, for a medium that is ready and has no original."""
    if not proxies:
        raise NoOriginal(f"the medium is ready, and GoPro has neither its original nor `{FALLBACK}`")
    if not all(item.entry.is_fetchable for item in proxies):
        return Resolution(pieces=(), not_ready=f"GoPro has no original, and `{FALLBACK}` is not available yet")
    warning = f"GoPro has no original of this medium; `{FALLBACK}` is archived in its place, under its own name"
    return Resolution(pieces=_pieces(medium, answer, proxies), fallback=True, warnings=(warning,))


def _with_extras(
    resolution: Resolution, medium: Medium, answer: DownloadAnswer, main: list[_Numbered], extras: Collection[str]
) -> Resolution:
    """The same with what GoPro has made of it; what is offered and not there yet, or still to be made, is absent."""
    if resolution.not_ready is not None:
        return resolution
    labels = sorted(set(extras) - {RAW_PHOTO} - {item.label for item in main})
    offered = [item for label in labels for item in numbered(label, answer.proxies(label))]
    there = [replace(item, is_extra=True) for item in offered if item.entry.is_fetchable]
    waited_for = {PieceId(_piece_id(item)) for item in offered if not item.entry.is_fetchable}
    never_offered = made_late(medium, resolution.pieces[0].filename) & set(labels) - {item.label for item in offered}
    to_come = {PieceId(f"{label}-1") for label in never_offered}
    pieces = _pieces(medium, answer, [*main, *there])
    return replace(resolution, pieces=pieces, absent=tuple(sorted(waited_for | to_come)))


def _pieces(medium: Medium, answer: DownloadAnswer, items: list[_Numbered]) -> tuple[Piece, ...]:
    first = piece_names.first_name(medium, answer.filename, items[0].entry.type)
    ids = [_piece_id(item) for item in items]
    names = piece_names.unique(zip(ids, (_name(first, item, items[0].label) for item in items), strict=True))
    return tuple(_piece(*facts) for facts in zip(items, ids, names, strict=True))


def _piece(item: _Numbered, piece_id: str, name: str) -> Piece:
    return Piece(
        piece_id=PieceId(piece_id),
        label=item.label,
        quality=item.label if item.is_extra or item.label == FALLBACK else Quality.SOURCE.value,
        position=item.number,
        filename=name,
        url=item.entry.url,
        head_url=item.entry.head,
        camera_position=item.entry.camera_position,
        is_extra=item.is_extra,
    )


def _piece_id(item: _Numbered) -> str:
    """``label-N``; files of another lens carry its name, too."""
    position = item.entry.camera_position
    lens = "" if position == DEFAULT_CAMERA else f"-{quote(position, safe='')}"
    return f"{item.label}-{item.number}{lens}"


def _name(first: str, item: _Numbered, main_label: str) -> str:
    """The name of one file: numbered as its camera does, seen by its lens, in its own format."""
    kind = item.entry.type.lower()
    if main_label == FRAME and (item.is_extra or item.label in {FRAME, RAW_PHOTO}):
        name = piece_names.frame_name(first, item.number)
    else:
        name = piece_names.chapter_name(first, item.number)
        if item.number > 1 and kind and is_photo_name(f"x.{kind}") != is_photo_name(first):
            name = piece_names.with_extension(name, kind)
    if item.label == FRAME and kind in _FRAME_EXTENSIONS:
        name = piece_names.with_extension(name, kind)
    elif item.label == RAW_PHOTO:
        name = piece_names.with_extension(name, kind if kind in _RAW_EXTENSIONS else "gpr")
    elif item.label == BAKED_SOURCE:
        name = piece_names.with_extension(name, kind or "mp4")
    if item.entry.camera_position != DEFAULT_CAMERA:
        name = piece_names.at_camera(name, item.entry.camera_position)
    return extra_name(name, item.label, kind) if item.is_extra or item.label == FALLBACK else name
