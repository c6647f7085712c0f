"""CustomerService: who customers are. Changes go through the customer's home."""

from __future__ import annotations

from typing import Any

from switchboard.intake.v1 import commands_pb2, model_pb2
from switchboard.intake.v1 import customer_service_pb2 as pb
from switchboard.intake.v1.customer_service_pb2_grpc import CustomerServiceServicer

from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import InvalidArgument, NotFound, Violation
from services.chassis.rpc.planned import planned
from services.intake.core.identity import home_id
from services.intake.core.model import Customer
from services.intake.shell.addresses import BadAddress, normalise
from services.intake.shell.grpc_api.callers import actor
from services.intake.shell.grpc_api.commands import Commands
from services.intake.shell.store import ConversationStore
from services.intake.shell.wire import names, nouns

WRITABLE = frozenset({"tier", "language", "display_name", "attributes"})


class CustomerApi(CustomerServiceServicer):
    """The servicer. What is `planned` answers UNIMPLEMENTED; the README lists it."""

    def __init__(self, *, store: ConversationStore, commands: Commands) -> None:
        self._store = store
        self._commands = commands

    async def GetCustomer(self, request: pb.GetCustomerRequest, _: Any) -> pb.GetCustomerResponse:
        """One customer as stored."""
        found = await self._find(request.customer_id)
        return pb.GetCustomerResponse(customer=nouns.customer(found))

    async def UpsertCustomer(
        self, request: pb.UpsertCustomerRequest, _: Any
    ) -> pb.UpsertCustomerResponse:
        """State what is known of a customer, by id or by address."""
        fields = list(request.update_mask.paths)
        if unknown := sorted(set(fields) - WRITABLE):
            raise _invalid("update_mask", f"{unknown[0]} is none of {', '.join(sorted(WRITABLE))}")
        home, identity = await self._home(request.customer)
        stated = model_pb2.Customer()
        stated.CopyFrom(request.customer)
        stated.ClearField("identities")
        stated.identities.append(identity)
        said = commands_pb2.IntakeInput(
            request_id=request.request_id,
            actor=actor(),
            home_id=home,
            upsert_customer=commands_pb2.UpsertCustomer(customer=stated, fields=fields),
        )
        return await self._commands.run(said, pb.UpsertCustomerResponse)

    SearchCustomers = planned
    ImportCustomers = planned  # type: ignore[assignment] # its request is a stream
    LinkIdentity = planned
    UnlinkIdentity = planned
    ListIdentityLinks = planned
    EraseCustomer = planned
    GetConsent = planned
    SetConsent = planned

    async def _home(self, stated: model_pb2.Customer) -> tuple[str, model_pb2.Identity]:
        """The home and its address: of a known customer, or of the one address that is given."""
        if stated.customer_id:
            known = await self._find(stated.customer_id)
            return known.home_id, nouns.customer(known).identities[0]
        if len(stated.identities) > 1:
            raise _invalid("customer.identities", "further addresses are linked by LinkIdentity")
        given = stated.identities[0]
        channel = names.CHANNELS.required(given.channel)
        try:
            address = normalise(channel, given.address)
        except BadAddress as error:
            raise _invalid("customer.identities[0].address", str(error)) from None
        home = home_id(caller().tenant_id, channel, address)
        return home, model_pb2.Identity(channel=given.channel, address=address)

    async def _find(self, customer_id: str) -> Customer:
        found = await self._store.customer(caller().tenant_id, customer_id)
        if found is None:
            raise NotFound("no such customer", reason="CUSTOMER_NOT_FOUND")
        return found


def _invalid(field: str, why: str) -> InvalidArgument:
    return InvalidArgument(f"{field}: {why}", violations=[Violation(field, why)])
