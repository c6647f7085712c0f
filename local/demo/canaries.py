"""Planted personal data: twenty addresses and texts that must never show up in telemetry."""

from __future__ import annotations

ADDRESSES = tuple(f"+1555{7_310_000 + 137 * number}" for number in range(10))
TEXTS = tuple(
    f"my passphrase is {word}-canary-{number:02d}"
    for number, word in enumerate(
        (
            "amaranth",
            "bergamot",
            "calendula",
            "dittany",
            "echinacea",
            "feverfew",
            "gentian",
            "hellebore",
            "immortelle",
            "jonquil",
        )
    )
)
ALL = (*ADDRESSES, *TEXTS)
