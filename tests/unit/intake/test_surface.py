"""What the service offers is what its README says: RPCs, settings, channels."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.descriptor import ServiceDescriptor
from switchboard.intake.v1 import (
    account_service_pb2,
    conversation_service_pb2,
    customer_service_pb2,
    intake_service_pb2,
)

from services import intake
from services.chassis.rpc.planned import planned
from services.chassis.settings import ServiceSettings
from services.intake.settings import IntakeSettings
from services.intake.shell.channels.discovery import discover
from services.intake.shell.grpc_api.account_api import AccountApi
from services.intake.shell.grpc_api.conversation_api import ConversationApi
from services.intake.shell.grpc_api.customer_api import CustomerApi
from services.intake.shell.grpc_api.intake_api import IntakeApi

README = (Path(intake.__file__).parent / "README.md").read_text(encoding="utf-8")
SERVICERS = {
    account_service_pb2.DESCRIPTOR.services_by_name["AccountService"]: AccountApi,
    conversation_service_pb2.DESCRIPTOR.services_by_name["ConversationService"]: ConversationApi,
    customer_service_pb2.DESCRIPTOR.services_by_name["CustomerService"]: CustomerApi,
    intake_service_pb2.DESCRIPTOR.services_by_name["IntakeService"]: IntakeApi,
}


@pytest.mark.parametrize("service", SERVICERS, ids=lambda service: service.name)
def test_every_rpc_is_built_or_says_that_it_is_not(service: ServiceDescriptor) -> None:
    servicer = SERVICERS[service]
    names = {rpc.name for rpc in service.methods}
    assert names <= vars(servicer).keys()


@pytest.mark.parametrize("service", SERVICERS, ids=lambda service: service.name)
def test_every_rpc_does_something(service: ServiceDescriptor) -> None:
    assert planned not in vars(SERVICERS[service]).values()


def test_the_readme_lists_every_setting() -> None:
    own = IntakeSettings.model_fields.keys() - ServiceSettings.model_fields.keys()
    assert not [name for name in own if f"`{name.upper()}`" not in README]


def test_channels_are_found_by_their_files() -> None:
    found = {channel.provider: channel for channel in discover()}
    named = {
        "line",
        "messenger",
        "slack",
        "telegram",
        "twilio",
        "twilio_voice",
        "web",
        "web_chat",
        "whatsapp",
    }
    mail = {"imap", "mailgun", "postmark", "sendgrid", "smtp"}
    assert found.keys() == named | mail
    assert found["web"].sender is None
    paths = [hook.path for channel in found.values() for hook in channel.hooks]
    assert len(paths) == len(set(paths)) == 19
    assert all(f"`POST {path}`" in README for path in paths)
    greeted = [each.path for channel in found.values() for each in channel.handshakes]
    assert all(f"`GET {path}`" in README for path in greeted)
    assert found["web_chat"].hooks == ()  # its doors are in shell/chat
