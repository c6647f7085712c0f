"""Nouns of intake as the contract has them: messages, conversations, customers, accounts."""

from __future__ import annotations

from collections.abc import Iterable

from switchboard.intake.v1 import commands_pb2, model_pb2

from services.intake.core.account import Account
from services.intake.core.delivery.windows import reply_window_ends_at_ms
from services.intake.core.feedback import Feedback
from services.intake.core.model import (
    Attachment,
    Consent,
    Conversation,
    Customer,
    Delivery,
    Detour,
    Identity,
    Message,
    StatedIdentity,
)
from services.intake.shell.wire import names


def ref(conversation: Conversation) -> model_pb2.ConversationRef:
    """What every event carries, so that no reader has to look anything up."""
    return model_pb2.ConversationRef(
        tenant_id=conversation.tenant_id,
        conversation_id=conversation.conversation_id,
        customer_id=conversation.customer_id,
        home_id=conversation.home_id,
        tier=names.TIERS.to_wire(conversation.tier),
        channel=names.CHANNELS.to_wire(conversation.channel),
        account_id=conversation.account_id,
        address=conversation.address,
        language=conversation.language,
        status=names.STATUSES.to_wire(conversation.status),
        pool_hint=conversation.pool_hint,
        tags=conversation.tags,
        opened_at_ms=conversation.opened_at_ms,
        attributes=dict(conversation.attributes),
    )


def conversation(conversation: Conversation) -> model_pb2.Conversation:
    """A conversation in full."""
    return model_pb2.Conversation(
        ref=ref(conversation),
        subject=conversation.subject,
        message_count=conversation.messages,
        last_inbound_at_ms=conversation.last_inbound_at_ms,
        last_outbound_at_ms=conversation.last_outbound_at_ms,
        updated_at_ms=conversation.updated_at_ms,
        resolved_at_ms=conversation.resolved_at_ms,
        closed_at_ms=conversation.closed_at_ms,
        last_agent_id=conversation.last_agent_id,
        sequence=conversation.sequence,
        reopen_count=conversation.reopened,
        merged_into_id=conversation.merged_into_id,
        split_from_id=conversation.split_from_id,
        participants=conversation.participants,
        follows_id=conversation.follows_id,
        reply_window_ends_at_ms=reply_window_ends_at_ms(conversation),
    )


def message(message: Message, delivery: Delivery | None = None) -> model_pb2.Message:
    """A message, with how far it has come if it is one of ours."""
    said = model_pb2.Message(
        message_id=message.message_id,
        conversation_id=message.conversation_id,
        direction=names.direction(message.kind),
        channel=names.CHANNELS.to_wire(message.channel),
        account_id=message.account_id,
        author=message.author,
        from_address=message.from_address,
        to_address=message.to_address,
        text=message.text,
        subject=message.subject,
        language=message.language,
        attachments=[attachment(item) for item in message.attachments],
        provider_message_id=message.provider_message_id,
        occurred_at_ms=message.occurred_at_ms,
        received_at_ms=message.received_at_ms,
        purpose=names.purpose(message.kind),
        sequence=message.place,
        source_id=message.source_id,
        automatic=names.automatic_word(message.automatic),
        quoted_text=message.quoted_text,
        participants=message.participants,
        original_reference=message.original_reference,
        edited_at_ms=message.edited_at_ms,
        retracted_at_ms=message.retracted_at_ms,
    )
    if delivery is not None:
        said.delivery_status = names.PROGRESS.to_wire(delivery.progress)
        said.error_code = delivery.reason
        said.provider_message_id = delivery.provider_message_id
        said.instead_of_account_id = delivery.instead_of
    elif message.kind.is_outbound:
        said.delivery_status = model_pb2.DELIVERY_STATUS_QUEUED
    return said


def detour(way: Detour | None) -> commands_pb2.Detour | None:
    """Another account that a message may go over; absent where there is none."""
    if way is None:
        return None
    channel = names.CHANNELS.to_wire(way.channel)
    return commands_pb2.Detour(account_id=way.account_id, channel=channel, address=way.address)


def detour_of(said: commands_pb2.AttemptResult | commands_pb2.DeliveryResult) -> Detour | None:
    """The same, as the core has it. Raises `ValueError`."""
    if not said.HasField("detour"):
        return None
    way = said.detour
    return Detour(way.account_id, names.CHANNELS.required(way.channel), way.address)


def attachment(item: Attachment) -> model_pb2.Attachment:
    """A file."""
    return model_pb2.Attachment(
        attachment_id=item.attachment_id,
        file_name=item.file_name,
        media_type=item.media_type,
        size_bytes=item.size_bytes,
        reference=item.reference,
        error=item.error,
    )


def attachments_of(items: Iterable[model_pb2.Attachment]) -> tuple[Attachment, ...]:
    """Files, as the core has them."""
    return tuple(
        Attachment(
            attachment_id=item.attachment_id,
            file_name=item.file_name,
            media_type=item.media_type,
            size_bytes=item.size_bytes,
            reference=item.reference,
        )
        for item in items
    )


def stated_identity(stated: StatedIdentity) -> model_pb2.Identity:
    """Another address of a sender."""
    return model_pb2.Identity(
        channel=names.CHANNELS.to_wire(stated.channel),
        address=stated.address,
        verified=stated.verified,
        home_id=stated.home_id,
    )


def stated_identity_of(said: model_pb2.Identity) -> StatedIdentity:
    """Another address of a sender, as the core has it. Raises `ValueError`."""
    return StatedIdentity(
        channel=names.CHANNELS.required(said.channel),
        address=said.address,
        home_id=said.home_id,
        verified=said.verified,
    )


def customer(customer: Customer) -> model_pb2.Customer:
    """A customer."""
    return model_pb2.Customer(
        customer_id=customer.customer_id,
        tenant_id=customer.tenant_id,
        home_id=customer.home_id,
        display_name=customer.display_name,
        tier=names.TIERS.to_wire(customer.tier),
        language=customer.language,
        attributes=dict(customer.attributes),
        identities=[identity(each) for each in customer.identities],
        consents=[consent(each) for each in customer.consents],
        created_at_ms=customer.created_at_ms,
        updated_at_ms=customer.updated_at_ms,
        version=customer.version,
        erased=customer.erased,
        last_feedback=feedback(customer.last_feedback),
    )


def customer_of(said: model_pb2.Customer) -> Customer:
    """A customer in full, as one home hands it to another. Raises `ValueError`."""
    return Customer(
        customer_id=said.customer_id,
        tenant_id=said.tenant_id,
        home_id=said.home_id,
        tier=names.TIERS.required(said.tier),
        language=said.language,
        display_name=said.display_name,
        identities=tuple(map(_identity_of, said.identities)),
        created_at_ms=said.created_at_ms,
        updated_at_ms=said.updated_at_ms,
        attributes=tuple(sorted(said.attributes.items())),
        version=said.version,
        consents=tuple(map(consent_of, said.consents)),
        erased=said.erased,
        last_feedback=feedback_of(said.last_feedback) if said.HasField("last_feedback") else None,
    )


def identity(identity: Identity) -> model_pb2.Identity:
    """An address of a customer."""
    return model_pb2.Identity(
        channel=names.CHANNELS.to_wire(identity.channel),
        address=identity.address,
        verified=identity.verified,
        linked_at_ms=identity.linked_at_ms,
        home_id=identity.home_id,
        opted_out_at_ms=identity.opted_out_at_ms,
    )


def _identity_of(said: model_pb2.Identity) -> Identity:
    return Identity(
        channel=names.CHANNELS.required(said.channel),
        address=said.address,
        home_id=said.home_id,
        linked_at_ms=said.linked_at_ms,
        verified=said.verified,
        opted_out_at_ms=said.opted_out_at_ms,
    )


def consent(consent: Consent) -> model_pb2.Consent:
    """A decision of a customer."""
    return model_pb2.Consent(
        purpose=consent.purpose,
        granted=consent.granted,
        changed_at_ms=consent.changed_at_ms,
        source=consent.source,
    )


def consent_of(said: model_pb2.Consent) -> Consent:
    """A decision of a customer, as the core has it."""
    return Consent(said.purpose, said.granted, said.changed_at_ms, said.source)


def feedback(given: Feedback | None, *, bare: bool = False) -> model_pb2.Feedback | None:
    """What a customer answered last, if they did; `bare` is without the comment."""
    if given is None:
        return None
    return model_pb2.Feedback(
        survey_id=given.survey_id,
        conversation_id=given.conversation_id,
        kind=names.FEEDBACK_KINDS.to_wire(given.kind),
        score=given.score,
        score_min=given.score_min,
        score_max=given.score_max,
        comment="" if bare else given.comment,
        answered_at_ms=given.answered_at_ms,
    )


def feedback_of(said: model_pb2.Feedback) -> Feedback:
    """What a customer answered, as the core has it. Raises `ValueError`."""
    return Feedback(
        survey_id=said.survey_id,
        conversation_id=said.conversation_id,
        kind=names.FEEDBACK_KINDS.required(said.kind),
        score=said.score,
        score_min=said.score_min,
        score_max=said.score_max,
        comment=said.comment,
        answered_at_ms=said.answered_at_ms,
    )


def account(account: Account) -> model_pb2.Account:
    """An account, without its secrets."""
    return model_pb2.Account(
        account_id=account.account_id,
        tenant_id=account.tenant_id,
        channel=names.CHANNELS.to_wire(account.channel),
        provider=account.provider,
        address=account.address,
        display_name=account.display_name,
        enabled=account.enabled,
        language=account.language,
        pool_hint=account.pool_hint,
        tags=account.tags,
        uncertain_policy=names.IF_UNSEEN.to_wire(account.if_unseen),
        settings=dict(account.settings),
        created_at_ms=account.created_at_ms,
        updated_at_ms=account.updated_at_ms,
        version=account.version,
    )
