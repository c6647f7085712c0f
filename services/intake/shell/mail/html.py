"""Makes a mail's html safe to show: an allow list, and nothing that tells anybody it was opened.

nh3 (ammonia, html5ever) parses as browsers do and writes anew what is allowed. Not allowed is all
that runs, asks, loads from elsewhere or hides: scripts, forms, frames, styles, remote images.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final
from urllib.parse import unquote

import nh3

from services.intake.shell.mail.mail import MailFile
from services.intake.shell.mail.texts import content_id, storable, words

LINKED: Final = frozenset({"http", "https", "mailto", "tel"})
REL: Final = "noopener noreferrer nofollow"
EMBEDDED_IMAGES_MAX: Final = 20

TAGS: Final = words(
    "a abbr b br center cite code del dfn em i img ins kbd mark q s samp small span strike strong "
    "sub sup tt u var wbr blockquote dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre ul "
    "caption col colgroup table tbody td tfoot th thead tr"
)
# Their content is no text either. ammonia keeps the content of other tags that it removes.
HIDDEN: Final = words(
    "applet audio canvas datalist embed frame frameset head iframe math noembed noframes object "
    "script select style svg template textarea title video xmp"
)
_ATTRIBUTES: Final = {
    "*": {"dir", "lang", "title"},
    "a": {"href"},
    "img": {"alt", "height", "src", "width"},
    "col": {"span"},
    "colgroup": {"span"},
    "li": {"value"},
    "ol": {"start", "type"},
    "td": {"align", "colspan", "rowspan", "valign"},
    "th": {"align", "colspan", "rowspan", "valign"},
}
_DATA_IMAGE: Final = re.compile(r"data:(image/(?:png|jpeg|gif|webp));base64,", re.IGNORECASE)
_SCHEME: Final = re.compile(r"\s*([a-z][a-z0-9+.-]*):", re.IGNORECASE)


@dataclass(slots=True)
class Sanitised:
    """Safe html, the content ids that it shows, and the images that were written into it, as files.

    Such an image is shown under a content id of its own, like any other.
    """

    html: str = ""
    shown: set[str] = field(default_factory=set)
    images: dict[str, MailFile] = field(default_factory=dict)

    def allow(self, tag: str, attribute: str, value: str) -> str | None:
        """What an allowed attribute may say; None removes it."""
        if attribute == "href":
            return value if _scheme(value) in LINKED else None
        if attribute == "src":
            return self._source(value) if tag == "img" else None
        return value

    def _source(self, value: str) -> str | None:
        if _scheme(value) == "cid":
            self.shown.add(content_id(unquote(value.strip()[len("cid:") :])))
            return value.strip()
        if (found := _DATA_IMAGE.match(value)) and len(self.images) < EMBEDDED_IMAGES_MAX:
            return self._embedded(found[1].lower(), value[found.end() :])
        return None

    def _embedded(self, media_type: str, data: str) -> str | None:
        try:
            content = base64.b64decode(unquote(data))
        except (binascii.Error, ValueError):
            return None
        own_id = f"{sha256(content).hexdigest()[:32]}@embedded"
        name = f"image-{len(self.images) + 1}.{media_type.removeprefix('image/')}"
        self.images.setdefault(own_id, MailFile(name, media_type, content, own_id))
        self.shown.add(own_id)
        return f"cid:{own_id}"


def _scheme(url: str) -> str:
    found = _SCHEME.match(url)
    return found[1].lower() if found else ""


def sanitised(html: str) -> Sanitised:
    """The same html with nothing in it but what is allowed.

    Takes time that grows with the square of its depth, so that it can take very long.
    """
    made = Sanitised()
    clean = nh3.clean(
        html,
        tags=set(TAGS),
        clean_content_tags=set(HIDDEN),
        attributes=_ATTRIBUTES,
        attribute_filter=made.allow,
        url_schemes={*LINKED, "cid", "data"},
        link_rel=REL,
    )
    made.html = storable(clean).strip()  # of what was written as &#0; or the like
    return made
