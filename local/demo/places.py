"""Where the demo's people knock: the stack's public addresses, and its accounts."""

from __future__ import annotations

from dataclasses import dataclass

import grpc

from local.credentials import Credentials
from local.issuer import Issuer
from local.ledgerbook import Book
from local.state import StackState
from services.chassis.rpc import client

CALL_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Places:
    """Addresses, secrets and ledgers of one run."""

    state: StackState
    credentials: Credentials
    issuer: Issuer
    book: Book

    def channel(self, service: str) -> grpc.aio.Channel:
        """Open a channel that spreads over a service's processes."""
        return client.channel("ipv4:" + ",".join(self.state.grpc(service)))

    def metadata(self, subject: str, *roles: str) -> tuple[tuple[str, str], ...]:
        """Give what a caller sends with each call."""
        return (("authorization", f"Bearer {self.issuer.sign(subject=subject, roles=roles)}"),)
