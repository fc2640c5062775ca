"""The XML of the S3 API: a small writer, and the parser of the one document that clients send."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from xml.etree import ElementTree as ET

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

# XML 1.0 cannot carry these as they are; S3 writes them as references all the same (clients ask for encoding-type=url).
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class Element:
    """One element: a name, and text or children. ``None`` as content means an empty element."""

    name: str
    content: str | int | bool | Sequence[Element] | None = None


def _write(element: Element, out: list[str], attributes: str = "") -> None:
    content = element.content
    out.append(f"<{element.name}{attributes}>")
    if isinstance(content, bool):
        out.append("true" if content else "false")
    elif isinstance(content, str | int):
        out.append(_CONTROL.sub(lambda found: f"&#{ord(found[0])};", escape(str(content), quote=True)))
    elif content is not None:
        for child in content:
            _write(child, out)
    out.append(f"</{element.name}>")


def render(root: Element, *, namespace: bool = True) -> bytes:
    """The document as UTF-8, with S3's namespace unless told otherwise (error documents have none)."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    _write(root, out, f' xmlns="{NAMESPACE}"' if namespace else "")
    return "".join(out).encode()


def parse_records(document: bytes, root: str, record: str) -> list[dict[str, str]]:
    """The flat records of a document ``<root><record>...</record>...</root>``, each as name -> text.

    Raises ``ValueError`` for anything else, a document type declaration included.
    """
    if b"<!" in document:
        raise ValueError("declarations are not allowed")
    try:
        # Entities are excluded above, and the document comes from the sandbox's own functions.
        tree = ET.fromstring(document)  # noqa: S314 - see the line above
    except ET.ParseError as problem:
        raise ValueError("not well-formed") from problem
    if _local(tree) != root:
        raise ValueError(f"the root element is not {root}")
    records = [{_local(field): field.text or "" for field in child} for child in tree if _local(child) == record]
    if len(records) != len(tree):
        raise ValueError(f"an element other than {record}")
    return records


def _local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
