"""Customers in a CSV file: `channel`, `address`, and what is known of each.

`display_name`, `tier` and `language` are the customer's own; every other column is an attribute.
Empty cells say nothing. Request ids follow from file and line, so a file may be imported again.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

from switchboard.intake.v1 import model_pb2 as model

from local.accounts import channel_of
from local.errors import StackError

_NAMESPACE: Final = UUID("3f6f7f0a-0a55-5a8e-9d4c-8f1f6a1d2b90")
_REQUIRED: Final = ("channel", "address")
_OWN: Final = frozenset({*_REQUIRED, "display_name", "tier", "language"})
_TIERS: Final = {
    name.removeprefix("SERVICE_TIER_"): number for name, number in model.ServiceTier.items()
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file, from 2 up; `wrong` says why it cannot be written."""

    number: int
    request_id: str
    customer: model.Customer
    wrong: str = ""


def lines(path: Path) -> Iterator[Line]:
    """The lines of a file. Raises `StackError` where it is no such file."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise StackError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise StackError(f"{path} is not UTF-8; save it as that.") from error
    rows = csv.DictReader(text.splitlines(), restkey="", restval="")
    columns = [name.strip() for name in rows.fieldnames or ()]
    if missing := [name for name in _REQUIRED if name not in columns]:
        raise StackError(f"{path} has no column {missing[0]}; its first line names the columns.")
    rows.fieldnames = columns
    name = sha256(content).hexdigest()
    for number, row in enumerate(rows, start=2):
        yield _line(number, str(uuid5(_NAMESPACE, f"{name}/{number}")), row)


def _line(number: int, request_id: str, row: Mapping[str, str]) -> Line:
    try:
        return Line(number, request_id, _customer(row))
    except (StackError, ValueError) as error:
        return Line(number, request_id, model.Customer(), wrong=str(error))


def _customer(row: Mapping[str, str]) -> model.Customer:
    """Raises `StackError`, `ValueError`."""
    if row.get(""):
        raise ValueError("more cells than columns")
    said = {name: value.strip() for name, value in row.items() if name and value.strip()}
    if not said.get("address"):
        raise ValueError("no address")
    tier = said.get("tier", "").upper()
    if tier and tier not in _TIERS:
        raise ValueError(f"no such tier: {tier}")
    identity = model.Identity(channel=channel_of(said.get("channel", "")), address=said["address"])
    return model.Customer(
        identities=[identity],
        display_name=said.get("display_name", ""),
        tier=_TIERS[tier] if tier else model.SERVICE_TIER_UNSPECIFIED,
        language=said.get("language", ""),
        attributes={name: value for name, value in said.items() if name not in _OWN},
    )
