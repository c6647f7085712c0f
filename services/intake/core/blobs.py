"""How a file that we keep is named: by its content, so the same file of a tenant is kept once."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

_REFERENCE: Final = re.compile(r"blob:([0-9a-f]{64})")


def digest_of(content: bytes) -> str:
    """SHA-256 in hex: 64 digits."""
    return sha256(content).hexdigest()


def reference_of(digest: str) -> str:
    """The `reference` of an attachment whose content we keep."""
    return f"blob:{digest}"


def digest_in(reference: str) -> str | None:
    """The digest that a reference names; None where the content is not ours."""
    found = _REFERENCE.fullmatch(reference)
    return found[1] if found else None
