"""Customers of a running stack, read and written over gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Final
from uuid import uuid4

from switchboard.intake.v1 import customer_service_pb2 as pb
from switchboard.intake.v1 import model_pb2 as model
from switchboard.intake.v1.customer_service_pb2_grpc import CustomerServiceStub

from local.accounts import channel_of
from local.customer_file import Line
from local.intake import Desk

AT_A_TIME: Final = 500
IMPORT_SECONDS: Final = 120.0


class Customers:
    """The customers of one tenant."""

    def __init__(self, desk: Desk) -> None:
        """Call over `desk`."""
        self._desk = desk
        self._stub: Any = desk.service(CustomerServiceStub)

    async def searched(self, text: str, most: int) -> Sequence[model.Customer]:
        """By parts of names and addresses, the latest changed first."""
        ask = pb.SearchCustomersRequest(query=text, page_size=most)
        page = await self._desk.call(self._stub.SearchCustomers, ask)
        return list(page.customers)

    async def found(self, customer_id: str) -> tuple[model.Customer, Sequence[pb.IdentityLink]]:
        """One, with how their addresses came and left."""
        got = await self._desk.call(
            self._stub.GetCustomer, pb.GetCustomerRequest(customer_id=customer_id)
        )
        ask = pb.ListIdentityLinksRequest(customer_id=customer_id)
        links = await self._desk.call(self._stub.ListIdentityLinks, ask)
        return got.customer, links.links

    async def do(self, rpc: str, **fields: Any) -> Any:
        """Run a command such as `EraseCustomer`; `fields` are those of its request."""
        request = getattr(pb, f"{rpc}Request")(request_id=str(uuid4()), **fields)
        return await self._desk.call(getattr(self._stub, rpc), request)

    async def imported(
        self, lines: Iterable[Line], done: Callable[[int], None]
    ) -> tuple[int, Sequence[tuple[int, str]]]:
        """Write every line; how many were written, and which were refused, by number and why.

        `done` is told how many lines have ended, a part at a time.
        """
        written, refused = 0, list[tuple[int, str]]()
        chunk: list[Line] = []
        for line in lines:
            chunk.append(line)
            if len(chunk) == AT_A_TIME:
                written += await self._import(chunk, refused)
                done(len(chunk))
                chunk.clear()
        written += await self._import(chunk, refused)
        done(len(chunk))
        return written, sorted(refused)

    async def _import(self, chunk: Sequence[Line], refused: list[tuple[int, str]]) -> int:
        refused += [(line.number, line.wrong) for line in chunk if line.wrong]
        good = {line.request_id: line for line in chunk if not line.wrong}
        if not good:
            return 0

        async def requests() -> AsyncIterator[pb.ImportCustomersRequest]:
            for request_id, line in good.items():
                yield pb.ImportCustomersRequest(request_id=request_id, customer=line.customer)

        report = await self._stub.ImportCustomers(
            requests(), metadata=self._desk.metadata, timeout=IMPORT_SECONDS
        )
        refused += [(good[each.request_id].number, each.reason) for each in report.refusals]
        return int(report.written)


def identity_of(text: str) -> model.Identity:
    """The address of `sms:+46701740605`. Raises `StackError`."""
    channel, _, address = text.partition(":")
    return model.Identity(channel=channel_of(channel), address=address)


def line_of(customer: model.Customer) -> str:
    """A customer in one line."""
    addresses = " ".join(
        f"{model.Channel.Name(each.channel).removeprefix('CHANNEL_').lower()}:{each.address}"
        for each in customer.identities
    )
    tier = model.ServiceTier.Name(customer.tier).removeprefix("SERVICE_TIER_")
    name = "(erased)" if customer.erased else customer.display_name
    return f"{customer.customer_id}  {tier:9}  {name}  {addresses}"
