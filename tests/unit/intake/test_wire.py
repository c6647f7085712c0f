"""The contract and the core, both ways: what goes in comes out, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from switchboard.intake.v1 import commands_pb2, model_pb2

from services.intake.core.account import IfUnseen
from services.intake.core.commands import Say, UpsertCustomer
from services.intake.core.delivery.commands import (
    Answer,
    Contact,
    Deliver,
    NoteReceipt,
    ReportAttempt,
    ReportLookup,
    Sighting,
)
from services.intake.core.delivery.model import Phase
from services.intake.core.events import MessageAdded
from services.intake.core.model import (
    Attachment,
    Channel,
    Detour,
    Kind,
    Progress,
    Receipt,
    Tier,
)
from services.intake.shell.wire import commands, deliveries, inputs, names, nouns
from tests.unit.intake.given import (
    ACCOUNT,
    ADDRESS,
    CONVERSATION,
    HOME,
    NOON_MS,
    TENANT,
    after,
    dispatch,
    events_of,
    inbound,
    progress,
    say,
)

PHOTO = Attachment("a-1", "photo.jpg", "image/jpeg", 7, "https://provider.example/1")


def command(said: commands_pb2.IntakeInput) -> object:
    return commands.command_of(said, now_ms=NOON_MS, new_id=lambda: CONVERSATION)


def test_a_message_comes_out_as_it_went_in() -> None:
    message = replace(
        inbound(language="de", from_name="Grete"),
        subject="Parcel",
        pool_hint="berlin",
        tags=("vip",),
        tier=Tier.EXPECTED,
        attributes=(("plan", "family"),),
        attachments=(PHOTO,),
    )
    said = inputs.received(message)
    assert command(said) == message
    assert inputs.request_key(said) == f"{ACCOUNT}/SMm-1"


def test_card_numbers_are_masked_before_anything_is_published() -> None:
    card, shown = "4242424242424242", "••••••••••••4242"
    message = replace(inbound(from_name=card), text=f"Card {card}", subject=card)
    said = inputs.received(message).inbound_message
    assert (said.text, said.subject, said.from_name) == (f"Card {shown}", shown, shown)


def test_a_message_without_a_providers_id_is_known_by_its_clients() -> None:
    said = inputs.received(replace(inbound(), provider_message_id=""), client_message_id="page-7")
    assert inputs.request_key(said) == f"{ACCOUNT}/page-7"


def test_a_tier_that_nobody_knows_is_no_reason_to_park_a_customer() -> None:
    said = inputs.received(inbound())
    said.inbound_message.attributes["tier"] = "GOLD"
    assert command(said) == inbound()


def test_a_receipt_comes_out_as_it_went_in() -> None:
    note = progress(Progress.DELIVERED, reason="", by_provider=True)
    said = inputs.receipt(note, recipient=ADDRESS, received_at_ms=NOON_MS)
    assert command(said) == note
    assert inputs.request_key(said) is None


@pytest.mark.parametrize(
    ("purpose", "kind"),
    [
        (model_pb2.PURPOSE_SURVEY, Kind.SURVEY),
        (model_pb2.PURPOSE_NOTICE, Kind.NOTICE),
        (model_pb2.PURPOSE_AUTO_REPLY, Kind.AUTO_REPLY),
        (model_pb2.PURPOSE_UNSPECIFIED, Kind.REPLY),
    ],
)
def test_another_services_message_has_a_purpose(
    purpose: model_pb2.Purpose.ValueType, kind: Kind
) -> None:
    asked = commands_pb2.SendMessage(
        conversation_id=CONVERSATION, text="Hi", purpose=purpose, source_id="s-1"
    )
    said = commands_pb2.IntakeInput(tenant_id=TENANT, home_id=HOME, send_message=asked)
    made = command(said)
    assert isinstance(made, Say)
    assert (made.kind, made.source_id) == (kind, "s-1")
    assert inputs.request_key(said) == f"{TENANT}/s-1"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], (Tier.EXCELLENT, None, None, None)),
        (["tier"], (Tier.EXCELLENT, None, None, None)),
        (["language", "attributes"], (None, "", None, ())),
        (["display_name"], (None, None, "", None)),
    ],
)
def test_fields_that_are_named_are_written_even_when_empty(
    fields: list[str], expected: tuple[object, ...]
) -> None:
    identity = model_pb2.Identity(channel=model_pb2.CHANNEL_SMS, address=ADDRESS)
    stated = model_pb2.Customer(tier=model_pb2.SERVICE_TIER_EXCELLENT, identities=[identity])
    upsert = commands_pb2.UpsertCustomer(customer=stated, fields=fields)
    said = commands_pb2.IntakeInput(tenant_id=TENANT, home_id=HOME, upsert_customer=upsert)
    made = command(said)
    assert isinstance(made, UpsertCustomer)
    assert (made.tier, made.language, made.display_name, made.attributes) == expected


@pytest.mark.parametrize(
    "said",
    [
        commands_pb2.IntakeInput(),
        commands_pb2.IntakeInput(call_event=commands_pb2.CallEvent()),
        commands_pb2.IntakeInput(set_status=commands_pb2.SetStatus()),
        commands_pb2.IntakeInput(inbound_message=commands_pb2.InboundMessage()),
        commands_pb2.IntakeInput(delivery_receipt=commands_pb2.DeliveryReceipt()),
    ],
)
def test_what_can_never_work_is_a_value_error(said: commands_pb2.IntakeInput) -> None:
    with pytest.raises(ValueError, match=r"names nothing|no handler"):
        command(said)


def test_a_message_on_its_way_comes_out_as_a_dispatch() -> None:
    dossier = after(inbound())
    conversation = dossier.conversations[CONVERSATION]
    message_id = inbound().provider_message_id
    (added,) = events_of(dossier, say())
    assert isinstance(added, MessageAdded)
    message = added.message
    said = deliveries.request(message, conversation, home_id=HOME, actor="agent/ada")
    made = deliveries.command(said, position=7, now_ms=NOON_MS)
    wanted = replace(
        dispatch("r-1"),
        position=7,
        in_reply_to=message_id,
        references=(message_id,),
        last_inbound_at_ms=NOON_MS,
    )
    assert made == Deliver(wanted)


def test_all_that_is_asked_of_delivery_comes_out_in_the_dispatch() -> None:
    photo = replace(PHOTO, reference=f"blob:{'0' * 64}")
    asked = commands_pb2.OutboundRequest(
        message_id="r-1",
        account_id=ACCOUNT,
        channel=model_pb2.CHANNEL_EMAIL,
        recipient=ADDRESS,
        text="Hi",
        subject="Re: Parcel",
        conversation_id=CONVERSATION,
        home_id=HOME,
        max_attempts=2,
        expires_at_ms=NOON_MS + 1,
        purpose=model_pb2.PURPOSE_SURVEY,
        attachments=[nouns.attachment(photo)],
        in_reply_to="<2@a>",
        last_inbound_at_ms=NOON_MS - 1,
        references=["<1@a>", "<2@a>"],
        participants=["cc@a.example"],
        template="order_update",
    )
    said = commands_pb2.OutboundMessage(tenant_id=TENANT, request=asked)
    made = deliveries.command(said, position=7, now_ms=NOON_MS)
    assert made == Deliver(
        replace(
            dispatch("r-1", position=7, attempts_max=2, expires_at_ms=NOON_MS + 1),
            channel=Channel.EMAIL,
            text="Hi",
            subject="Re: Parcel",
            kind=Kind.SURVEY,
            attachments=(photo,),
            in_reply_to="<2@a>",
            last_inbound_at_ms=NOON_MS - 1,
            references=("<1@a>", "<2@a>"),
            participants=("cc@a.example",),
            template="order_update",
        )
    )


@pytest.mark.parametrize("contact", [*Contact, None])
@pytest.mark.parametrize("answer", Answer)
def test_the_end_of_a_call_comes_out_as_it_went_in(answer: Answer, contact: Contact | None) -> None:
    mail = Detour("mail-help", Channel.EMAIL, "help@example.com")
    report = ReportAttempt(
        "r-1", 3, answer, "SM9", "429", 5000, contact, "twilio", ACCOUNT, detour=mail
    )
    said = deliveries.attempt_result(dispatch("r-1"), report)
    assert deliveries.command(said, position=0, now_ms=NOON_MS) == report
    assert deliveries.subject_id(said) == "r-1"


def test_a_reader_that_knows_no_repeats_takes_one_for_not_accepted() -> None:
    said = deliveries.attempt_result(
        dispatch("r-1"), ReportAttempt("r-1", 3, Answer.REPEATABLE)
    ).attempt_result
    assert (said.status, said.retryable) == (model_pb2.DELIVERY_STATUS_FAILED, True)


@pytest.mark.parametrize("sighting", Sighting)
@pytest.mark.parametrize(
    ("if_unseen", "phase"),
    [
        (IfUnseen.HOLD, Phase.UNCERTAIN),
        (IfUnseen.FAIL, Phase.FAILED),
        (IfUnseen.ASSUME_SENT, Phase.SENT),
    ],
)
def test_the_end_of_a_look_up_comes_out_as_it_went_in(
    sighting: Sighting, if_unseen: IfUnseen, phase: Phase
) -> None:
    report = ReportLookup("r-1", 2, sighting, "SM9", phase, ACCOUNT)
    said = deliveries.lookup_result(dispatch("r-1"), report, if_unseen)
    assert deliveries.command(said, position=0, now_ms=NOON_MS) == report


def test_a_forwarded_receipt_names_the_message() -> None:
    receipt = Receipt(ACCOUNT, "SM9", Progress.DELIVERED, "", NOON_MS)
    said = deliveries.callback(receipt, message_id="r-1", tenant_id=TENANT)
    told = NoteReceipt("r-1", "SM9", ACCOUNT)
    assert deliveries.command(said, position=0, now_ms=NOON_MS) == told


def test_what_a_newer_contract_adds_is_nothing_here() -> None:
    assert names.CHANNELS.of_wire(99) is None
    assert names.CHANNELS.of_wire(0) is None
    with pytest.raises(ValueError, match="99"):
        names.CHANNELS.required(99)
