"""docs/MEDIA.md: what the pipeline really makes of a library of every shape, as a page for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from cloud_sync_common.errors import TransientError
from cloud_sync_common.models import MediaId
from cloud_sync_common.rules.extra_pieces import ALLOWED, DEFAULT
from cloud_sync_common.rules.pieces import FALLBACK
from sandbox.gopro import SimMedium, described_library
from tests.support.pipeline import World, world

PROJECT = Path(__file__).resolve().parents[2]
EVERY_SHAPE = PROJECT / "sandbox" / "gopro" / "every_shape.toml"

HEAD = """\
# What arrives of which medium

Written by `make docs` out of what the pipeline made of [a library of every shape](../sandbox/gopro/every_shape.toml)
that GoPro's cloud is known to hold; `tests/functional/test_media_document.py` compares. Keys begin with
`gopro-videos/`; `<id>` is GoPro's id of the medium.

Beside the pieces of every medium that arrives there is `medium.json`: what GoPro knows of it, without secrets.
"by default" and "if chosen" are a matter of the setting `extra_pieces` in
[`cloud_sync/settings.py`](../cloud_sync/settings.py); everything else always arrives. What does not arrive is in the
run's report, with the reason; so is what GoPro has in its trash, which it does not list.

| type | GoPro's name | piece | arrives | key |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Copied:
    """What a pass over one medium came to: the outcome, the reason if any, and its pieces' rows by id.

    ``is_fallback``: GoPro has no original, and a proxy stands in for it.
    """

    outcome: str
    reason: str
    pieces: dict[str, dict[str, Any]]
    is_fallback: bool = False


def copied(account: World, medium: SimMedium) -> Copied:
    """One run's work on a medium; what the workflow would try again in vain is a failure."""
    try:
        outcome = account.download(medium.media_id)["outcome"]
    except TransientError as error:
        return Copied("FAILED", f"{type(error).__name__}: {error}", {})
    row = account.tracker.medium(MediaId(medium.media_id)) or {}
    pieces = account.tracker.pieces(MediaId(medium.media_id))
    done = {str(name): piece for name, piece in pieces.items() if piece["status"] == "COMPLETED"}
    return Copied(outcome, row.get("reason", ""), done, bool(row.get("fallback")))


def every_shape(root: Path) -> list[tuple[SimMedium, Copied]]:
    """Copy the library of every shape with everything that may be chosen, and say what became of each medium."""
    media = [medium for medium in described_library(EVERY_SHAPE) if medium.listed]
    with world(root, *media) as account:
        account.extra_pieces = tuple(sorted(ALLOWED))
        return [(medium, copied(account, medium)) for medium in media]


def media_document(root: Path) -> str:
    """The page; works in ``root``."""
    lines = [line for found in every_shape(root) for line in _lines(*found)]
    return HEAD + "\n".join(lines) + "\n"


def _lines(medium: SimMedium, all_of_it: Copied) -> Iterator[str]:
    head = f"| {medium.type} | {_name(medium)} |"
    if all_of_it.outcome != "COMPLETED":
        yield f"{head} - | no: {_cell(all_of_it.outcome)} | {_cell(all_of_it.reason)} |"
        return
    pieces = [piece for piece in all_of_it.pieces.values() if piece["label"] != "record"]
    pieces.sort(key=lambda piece: (piece["label"] in ALLOWED, piece["label"], piece["position"]))
    for label, group in groupby(pieces, key=lambda piece: str(piece["label"])):
        same = list(group)
        yield f"{head} {_counted(label, len(same))} | {_when(label, all_of_it)} | {_keys(medium, same)} |"
        head = "| | |"
    brought = {piece["label"] for piece in pieces}
    for label in sorted({piece.label for piece in medium.pieces} - brought - {"source"}):
        yield f"| | | {label} | no | |"


def _when(label: str, found: Copied) -> str:
    """``tests/workflow/test_every_shape.py`` proves what arrives with the setting as it is."""
    if label not in ALLOWED or (found.is_fallback and label == FALLBACK):
        return "always"
    return "by default" if label in DEFAULT else "if chosen"


def _counted(label: str, count: int) -> str:
    return label if count == 1 else f"{label}, {count} of them"


def _keys(medium: SimMedium, pieces: list[dict[str, Any]]) -> str:
    keys = [str(piece["key"]).removeprefix("gopro-videos/").replace(medium.media_id, "<id>") for piece in pieces]
    names = [keys[0], *(key.rpartition("/")[2] for key in keys[1:])]
    shown = names if len(names) <= 4 else [*names[:2], names[-1]]
    texts = [f"`{_cell(name)}`" for name in shown]
    return ", ".join(texts) if len(names) <= 4 else f"{', '.join(texts[:2])} ... {texts[2]}"


def _name(medium: SimMedium) -> str:
    name = None if "filename" in medium.absent else medium.extra.get("filename", medium.filename)
    if not name:
        return "(none)"
    text = str(name).encode("unicode_escape").decode() if not str(name).isprintable() else str(name)
    return f"`{_cell(text if len(text) <= 60 else text[:57] + '...')}`"


def _cell(text: str) -> str:
    short = text if len(text) <= 120 else f"{text[:60]}...{text[-50:]}"
    return short.replace("|", "\\|").replace("`", "'")
