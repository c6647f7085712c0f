"""The only wiring of the service: which part gets which."""

from __future__ import annotations

import socket

from switchboard.feedback.v1 import feedback_service_pb2

from services.chassis.bus.commands import CommandBus
from services.chassis.bus.kafka import EdgeProducer
from services.chassis.bus.postgres_store import PostgresStore
from services.chassis.clock import SystemClock
from services.chassis.lifecycle import App
from services.chassis.process import Process
from services.chassis.rpc.methods import Service
from services.feedback.metrics import Metrics
from services.feedback.settings import FeedbackSettings
from services.feedback.shell.answers import Answers
from services.feedback.shell.consumers import Surveys
from services.feedback.shell.grpc_api import FeedbackApi
from services.feedback.shell.http import SurveyDoor
from services.feedback.shell.store import SurveyStore

SERVICE = "feedback"
APART_SECONDS = 0.1  # between batches: a batch for each record costs more than the records


def build(settings: FeedbackSettings) -> App:
    """One process of the service, ready to be run."""
    process, policy, clock = Process(SERVICE, settings), settings.policy, SystemClock()
    postgres = process.postgres()
    producer = EdgeProducer(settings.kafka_bootstrap, f"{SERVICE}@{socket.gethostname()}")
    bus = CommandBus(producer, PostgresStore(postgres), source=SERVICE)
    surveys = process.processing(Surveys(policy), postgres, apart_seconds=APART_SECONDS)
    surveys.engine.listeners += [bus.hear, Metrics(process.catalogue).hear]
    reader, answers = SurveyStore(postgres), Answers(bus, now_ms=clock.now_ms)
    api = FeedbackApi(reader=reader, answers=answers, policy=policy, clock=clock)
    descriptor = feedback_service_pb2.DESCRIPTOR.services_by_name["FeedbackService"]
    door = SurveyDoor(links=policy.links, reader=reader, answers=answers, clock=clock)
    grpc, http = process.doors([Service(descriptor, api)], routes=door.routes())
    return process.app(postgres, producer, surveys, grpc, http)
