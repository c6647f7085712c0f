"""CustomerService: who customers are. Changes go through the customer's home."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

from switchboard.intake.v1 import commands_pb2, model_pb2
from switchboard.intake.v1 import customer_service_pb2 as pb
from switchboard.intake.v1.customer_service_pb2_grpc import CustomerServiceServicer

from services.chassis.rpc.auth import caller
from services.chassis.rpc.errors import InvalidArgument, NotFound, Violation
from services.chassis.rpc.paging import page_size, position_of, token_after
from services.intake.core.identity import home_id
from services.intake.core.links import CONFIDENCE, LinkRule
from services.intake.core.model import Customer
from services.intake.shell.addresses import BadAddress, normalise
from services.intake.shell.customer_store import CustomerStore, Link
from services.intake.shell.grpc_api.callers import actor
from services.intake.shell.grpc_api.commands import Commands
from services.intake.shell.grpc_api.importing import imported
from services.intake.shell.grpc_api.people import find_customer
from services.intake.shell.store import After
from services.intake.shell.wire import names, nouns

WRITABLE: Final = frozenset({"tier", "language", "display_name", "attributes"})
LINKS_MAX: Final = 500
WORD_CHARACTERS_MIN: Final = 3


class CustomerApi(CustomerServiceServicer):
    """The servicer."""

    def __init__(self, *, store: CustomerStore, commands: Commands) -> None:
        self._store = store
        self._commands = commands

    async def GetCustomer(self, request: pb.GetCustomerRequest, _: Any) -> pb.GetCustomerResponse:
        """One customer as stored, also by an id from before a link."""
        found = await self._find(request.customer_id)
        return pb.GetCustomerResponse(customer=nouns.customer(found))

    async def SearchCustomers(
        self, request: pb.SearchCustomersRequest, _: Any
    ) -> pb.SearchCustomersResponse:
        """A page of customers by parts of names and addresses, the latest changed first."""
        if max(map(len, request.query.split()), default=0) < WORD_CHARACTERS_MIN:
            raise _invalid("query", f"write at least {WORD_CHARACTERS_MIN} characters of a word")
        size, position = page_size(request), position_of(request)
        found = await self._store.search(
            caller().tenant_id,
            request.query,
            after=After(*position) if position else None,
            limit=size + 1,
        )
        page = pb.SearchCustomersResponse(customers=map(nouns.customer, found[:size]))
        if len(found) > size:
            last = found[size - 1]
            page.next_page_token = token_after(request, [last.updated_at_ms, last.customer_id])
        return page

    async def UpsertCustomer(
        self, request: pb.UpsertCustomerRequest, _: Any
    ) -> pb.UpsertCustomerResponse:
        """State what is known of a customer, by id or by address."""
        fields = list(request.update_mask.paths)
        if unknown := sorted(set(fields) - WRITABLE):
            raise _invalid("update_mask", f"{unknown[0]} is none of {', '.join(sorted(WRITABLE))}")
        return await self._upsert(request.request_id, request.customer, fields)

    async def ImportCustomers(
        self, requests: AsyncIterator[pb.ImportCustomersRequest], _: Any
    ) -> pb.ImportCustomersResponse:
        """Upsert each customer of the stream; refused ones are reported, the others are written."""

        async def write(request: pb.ImportCustomersRequest) -> None:
            await self._upsert(request.request_id, request.customer, [])

        return await imported(requests, write)

    async def LinkIdentity(
        self, request: pb.LinkIdentityRequest, _: Any
    ) -> pb.LinkIdentityResponse:
        """Give an address to a customer; whoever has it becomes the same customer."""
        found = await self._find(request.customer_id)
        said = commands_pb2.LinkIdentity(
            customer_id=found.customer_id,
            identity=_identity(request.identity),
            reason=commands_pb2.LinkReason(
                rule=LinkRule.API.lower(), confidence=CONFIDENCE[LinkRule.API], actor=actor()
            ),
        )
        command = self._command(request.request_id, found, link_identity=said)
        return await self._commands.run(command, pb.LinkIdentityResponse)

    async def UnlinkIdentity(
        self, request: pb.UnlinkIdentityRequest, _: Any
    ) -> pb.UnlinkIdentityResponse:
        """Take an address from a customer; it becomes a customer of its own."""
        found = await self._find(request.customer_id)
        said = commands_pb2.UnlinkIdentity(
            customer_id=found.customer_id, identity=_identity(request.identity)
        )
        command = self._command(request.request_id, found, unlink_identity=said)
        return await self._commands.run(command, pb.UnlinkIdentityResponse)

    async def ListIdentityLinks(
        self, request: pb.ListIdentityLinksRequest, _: Any
    ) -> pb.ListIdentityLinksResponse:
        """How addresses came to a customer and left."""
        found = await self._find(request.customer_id)
        links = await self._store.links(found.tenant_id, found.customer_id, limit=LINKS_MAX)
        return pb.ListIdentityLinksResponse(links=map(_link, links))

    async def EraseCustomer(
        self, request: pb.EraseCustomerRequest, _: Any
    ) -> pb.EraseCustomerResponse:
        """Delete all that is personal."""
        found = await self._find(request.customer_id)
        said = commands_pb2.EraseCustomer(customer_id=found.customer_id, reason=request.reason)
        command = self._command(request.request_id, found, erase_customer=said)
        return await self._commands.run(command, pb.EraseCustomerResponse)

    async def GetConsent(self, request: pb.GetConsentRequest, _: Any) -> pb.GetConsentResponse:
        """What a customer allows."""
        found = await self._find(request.customer_id)
        return pb.GetConsentResponse(consents=map(nouns.consent, found.consents))

    async def SetConsent(self, request: pb.SetConsentRequest, _: Any) -> pb.SetConsentResponse:
        """Record a decision of a customer."""
        found = await self._find(request.customer_id)
        said = commands_pb2.SetConsent(customer_id=found.customer_id, consent=request.consent)
        command = self._command(request.request_id, found, set_consent=said)
        return await self._commands.run(command, pb.SetConsentResponse)

    async def _upsert(
        self, request_id: str, stated: model_pb2.Customer, fields: list[str]
    ) -> pb.UpsertCustomerResponse:
        home, identity = await self._home(stated)
        one = model_pb2.Customer()
        one.CopyFrom(stated)
        one.ClearField("identities")
        one.ClearField("last_feedback")  # a survey's answer alone says it
        one.identities.append(identity)
        said = commands_pb2.IntakeInput(
            request_id=request_id,
            actor=actor(),
            home_id=home,
            upsert_customer=commands_pb2.UpsertCustomer(customer=one, fields=fields),
        )
        return await self._commands.run(said, pb.UpsertCustomerResponse)

    async def _home(self, stated: model_pb2.Customer) -> tuple[str, model_pb2.Identity]:
        """The home and its address: of a known customer, or of the one address that is given."""
        if stated.customer_id:
            known = await self._find(stated.customer_id)
            return known.home_id, nouns.customer(known).identities[0]
        if not stated.identities:
            raise _invalid("customer", "customer_id or identities must be given")
        if len(stated.identities) > 1:
            raise _invalid("customer.identities", "further addresses are linked by LinkIdentity")
        identity = _identity(stated.identities[0], "customer.identities[0].address")
        return identity.home_id, identity

    async def _find(self, customer_id: str) -> Customer:
        found = await find_customer(self._store, caller().tenant_id, customer_id)
        if found is None:
            raise NotFound("no such customer", reason="CUSTOMER_NOT_FOUND")
        return found

    def _command(
        self, request_id: str, customer: Customer, **kind: Any
    ) -> commands_pb2.IntakeInput:
        return commands_pb2.IntakeInput(
            request_id=request_id, actor=actor(), home_id=customer.home_id, **kind
        )


def _identity(given: model_pb2.Identity, field: str = "identity.address") -> model_pb2.Identity:
    """The address in its one form, with its home. Raises `InvalidArgument`."""
    channel = names.CHANNELS.required(given.channel)
    try:
        address = normalise(channel, given.address)
    except BadAddress as error:
        raise _invalid(field, str(error)) from None
    home = home_id(caller().tenant_id, channel, address)
    return model_pb2.Identity(
        channel=given.channel, address=address, verified=given.verified, home_id=home
    )


def _link(link: Link) -> pb.IdentityLink:
    identity = model_pb2.Identity(
        channel=names.CHANNELS.to_wire(link.channel), address=link.address
    )
    return pb.IdentityLink(
        identity=identity,
        linked=link.linked,
        other_customer_id=link.other_customer_id,
        rule=link.rule,
        confidence=link.confidence,
        actor=link.actor,
        occurred_at_ms=link.at_ms,
    )


def _invalid(field: str, why: str) -> InvalidArgument:
    return InvalidArgument(f"{field}: {why}", violations=[Violation(field, why)])
