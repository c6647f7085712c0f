"""Intake's edge in a process of its own, without the processors: what its doors cost."""

from __future__ import annotations

from services.chassis.bus.commands import CommandBus
from services.chassis.bus.kafka import EdgeProducer
from services.chassis.bus.postgres_store import PostgresStore
from services.chassis.clock import SystemClock
from services.chassis.lifecycle import App
from services.chassis.process import Process, main
from services.intake.app import SERVICE
from services.intake.metrics import IntakeMetrics
from services.intake.settings import IntakeSettings, key_bytes
from services.intake.shell.account_store import AccountStore
from services.intake.shell.accounts import AccountBook
from services.intake.shell.admission import Admission, WebhookGate
from services.intake.shell.blobs.postgres_blobs import PostgresBlobs
from services.intake.shell.channels.discovery import discover
from services.intake.shell.filing import Filing
from services.intake.shell.http import Door, doorways
from services.intake.shell.mail.sandbox import MailReader
from services.intake.shell.mailroom.opening import MailOpener
from services.intake.shell.mailroom.parking import ParkedMails
from services.intake.shell.reception import Reception
from services.intake.shell.turning_away import gated
from services.intake.shell.vault import Vault


def build(settings: IntakeSettings) -> App:
    """The doors of `services.intake.app`, and what they need."""
    process, clock = Process(SERVICE, settings), SystemClock()
    postgres = process.postgres()
    metrics = IntakeMetrics(process.catalogue, clock)
    producer = EdgeProducer(settings.kafka_bootstrap, "edge")
    bus = CommandBus(producer, PostgresStore(postgres), source=SERVICE)
    keys = [settings.account_key, *settings.account_keys_old]
    reader, blobs = MailReader(), PostgresBlobs(postgres, clock)
    admission = Admission(settings.requests_open_max, metrics)
    reception = Reception(
        bus=bus,
        clock=clock,
        metrics=metrics,
        opener=MailOpener(reader, ParkedMails(postgres, blobs, clock)),
        filing=Filing(blobs),
    )
    door = Door(
        accounts=AccountBook(AccountStore(postgres, Vault([key_bytes(key) for key in keys]))),
        reception=reception,
        admission=admission,
        clock=clock,
        metrics=metrics,
        public_url=settings.public_url,
    )
    grpc, http = process.doors([], routes=door.routes(discover()))
    http.speak(http=gated(WebhookGate(admission, doorways(discover()), metrics)))
    return process.app(postgres, producer, reader, grpc, http)


if __name__ == "__main__":
    main(SERVICE, IntakeSettings, build)
