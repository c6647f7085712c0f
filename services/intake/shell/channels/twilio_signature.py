"""Twilio's request signature, by the rules of its own validators.

`X-Twilio-Signature` is base64(HMAC-SHA1(auth token, URL + sorted names, each with its distinct
values, sorted)). Which URL was signed depends on the product and its age: with the port or without
it, so both are tried. A JSON body is covered by `bodySHA256` in the query instead of its fields.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qs, urlsplit

HEADER: Final = "x-twilio-signature"
_PORTS: Final = {"http": 80, "https": 443}

Form = Mapping[str, Sequence[str]]


def is_signed(
    *, url: str, form: Form, signature: str, tokens: Iterable[str], body: bytes | None = None
) -> bool:
    """Whether one of `tokens` has signed. `body` is given where the request is no form."""
    if body is not None:
        wanted = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
        if not hmac.compare_digest(hashlib.sha256(body).hexdigest(), wanted.lower()):
            return False
    given = signature.encode("utf-8", "replace")
    fields = _joined(form).encode()
    # Every combination is computed, so that time tells nothing about which one matched.
    matches = [
        hmac.compare_digest(_signature(each.encode() + fields, token), given)
        for token in tokens
        for each in _urls(url)
    ]
    return any(matches)


def sign(*, url: str, form: Form, token: str) -> str:
    """The signature of a request to exactly `url`."""
    return _signature((url + _joined(form)).encode(), token).decode()


def _signature(signed: bytes, token: str) -> bytes:
    return base64.b64encode(hmac.digest(token.encode(), signed, "sha1"))


def _joined(form: Form) -> str:
    return "".join(name + value for name in sorted(form) for value in sorted(set(form[name])))


@lru_cache(maxsize=64)  # an account is called at one address, but for what a callback's query says
def _urls(url: str) -> tuple[str, str]:
    return _without_port(url), _with_port(url)


def _without_port(url: str) -> str:
    split = urlsplit(url)
    host, port = _host_and_port(split.netloc)
    return split._replace(netloc=host).geturl() if port else url


def _with_port(url: str) -> str:
    split = urlsplit(url)
    _, port = _host_and_port(split.netloc)
    if port or split.scheme not in _PORTS:
        return url
    return split._replace(netloc=f"{split.netloc}:{_PORTS[split.scheme]}").geturl()


def _host_and_port(netloc: str) -> tuple[str, str]:
    """The port is what follows a colon after any login and any IPv6 brackets; empty if none."""
    bare = netloc.rpartition("@")[2].rpartition("]")[2]
    port = bare.partition(":")[2]
    return (netloc.removesuffix(f":{port}"), port) if port else (netloc, "")
