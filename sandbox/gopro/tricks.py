"""What only GoPro's own servers can do to a client: their habits and accidents, ordered call by call like any fault."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sandbox.wire.orders import Orders


class Trick(StrEnum):
    """One habit or accident. Those of the library last: every later call sees them, too."""

    NO_RANGES = "range ignored"
    """The CDN answers 200 with the whole file, whatever range was asked for."""
    OTHER_RANGE = "other range"
    """The CDN says that its bytes lie one further than asked; they do not."""
    LONGER = "one byte too many"
    """The CDN sends, and announces, one byte more than asked."""
    CORRUPT = "corrupt byte"
    """The first byte is another one; no client can see that without a checksum, and GoPro gives none."""
    EXPIRE = "expired URLs"
    """After this call every URL handed out so far has expired."""
    THROTTLE_UNTIL = "429 until a date"
    """429 with a Retry-After that is a date, two seconds away."""
    SIZES_TOO_LARGE = "sizes too large"
    """Rows claim 3,245 bytes more than there are."""
    NO_SIZES = "no sizes"
    """Rows have null for ``file_size``."""
    BARE_ROWS = "bare rows"
    """Rows have an unknown type and neither name, size nor date: by turns null and absent."""
    ROW_WITHOUT_ID = "row without id"
    """The last row of the page has lost its id."""
    WRONG_TOTALS = "wrong total_pages"
    """The first page claims to be the only one, the later ones that there are a million."""
    REPEATED_ROWS = "repeated rows"
    """Each page begins with the last row of the one before it."""
    UPLOAD = "upload while listing"
    """The account gets a new medium, the newest of all, before the call is answered."""
    DELETION = "deletion while listing"
    """The medium that the listing begins with is put into the trash before the call is answered."""
    VANISH = "deleted medium"
    """The medium that is asked for is put into the trash, and its files are gone from the CDN."""
    UNFINISHED = "transcoding again"
    """GoPro begins to transcode the medium that is asked for: nothing of it is available."""
    EDIT = "edited source"
    """The originals of the medium that is asked for have other bytes from now on, and the row says so."""
    EMPTY = "empty files"
    """The originals of the medium that is asked for have no bytes from now on; the row's size stays."""


@dataclass(frozen=True, slots=True)
class TrickOrders(Orders):
    """Orders for the GoPro simulator, which alone can obey ``trick``."""

    trick: Trick | None = None


def trick_of(orders: Orders) -> Trick | None:
    """Return the trick among the orders."""
    return orders.trick if isinstance(orders, TrickOrders) else None
