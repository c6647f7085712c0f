"""The only wiring of the service: which part gets which."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import ClientSession
from switchboard.intake.v1 import (
    account_service_pb2,
    conversation_service_pb2,
    customer_service_pb2,
    intake_service_pb2,
)

from services.chassis.bus import topics
from services.chassis.bus.commands import CommandBus
from services.chassis.bus.kafka import EdgeProducer
from services.chassis.bus.postgres_store import PostgresStore
from services.chassis.bus.tail import Tail
from services.chassis.bus.watch import Watch
from services.chassis.clock import SystemClock
from services.chassis.lifecycle import App, Component
from services.chassis.postgres.pool import Postgres
from services.chassis.process import Process
from services.chassis.rpc.methods import Service
from services.intake.core.delivery.model import Gate
from services.intake.metrics import IntakeMetrics, MediaMetrics
from services.intake.ports import BlobStore, Sender
from services.intake.settings import IN_POSTGRES, IntakeSettings, key_bytes
from services.intake.shell import languages
from services.intake.shell.account_store import AccountStore
from services.intake.shell.accounts import AccountBook, AddressBook
from services.intake.shell.admission import Admission, WebhookGate
from services.intake.shell.attachment_links import AttachmentDoor, AttachmentLinks
from services.intake.shell.blobs.ledger import BlobLedger
from services.intake.shell.blobs.postgres_blobs import PostgresBlobs
from services.intake.shell.blobs.sweeping import BlobSweeper
from services.intake.shell.channels.discovery import discover, providers, reaching
from services.intake.shell.channels.protocol import MediaContext, SendingContext
from services.intake.shell.chat.door import ChatDoor
from services.intake.shell.chat.hub import Hub
from services.intake.shell.chat.lines import LineStore
from services.intake.shell.chat.sessions import SessionTokens
from services.intake.shell.chat.sockets import ChatSocket
from services.intake.shell.chat.standing import Parts as ChatParts
from services.intake.shell.chat.uploads import Uploads
from services.intake.shell.consumers.delivery import Delivery
from services.intake.shell.consumers.threader import Threader
from services.intake.shell.customer_store import CustomerStore
from services.intake.shell.effects import Effects
from services.intake.shell.fetching import SafeFetcher
from services.intake.shell.filing import Filing
from services.intake.shell.grpc_api.account_api import AccountApi
from services.intake.shell.grpc_api.attachments import Attachments
from services.intake.shell.grpc_api.commands import Commands
from services.intake.shell.grpc_api.conversation_api import ConversationApi
from services.intake.shell.grpc_api.customer_api import CustomerApi
from services.intake.shell.grpc_api.intake_api import IntakeApi
from services.intake.shell.http import Door, doorways
from services.intake.shell.mail.sandbox import MailReader
from services.intake.shell.mailroom.imap_door import ImapDoor, Polling
from services.intake.shell.mailroom.mailbox_store import MailboxStore
from services.intake.shell.mailroom.opening import MailOpener
from services.intake.shell.mailroom.parking import ParkedMails
from services.intake.shell.mailroom.smtp_door import Doorway, SmtpDoor
from services.intake.shell.media import MediaFetcher
from services.intake.shell.parked_items import ParkedItems
from services.intake.shell.reception import Reception
from services.intake.shell.store import ConversationStore
from services.intake.shell.topics import CONVERSATIONS
from services.intake.shell.turning_away import gated
from services.intake.shell.vault import Vault
from services.intake.shell.watching import ConversationWatch

if TYPE_CHECKING:
    from services.chassis.bus.processing import Processing
    from services.intake.shell.blobs.s3_blobs import S3Blobs

SERVICE = "intake"


def build(settings: IntakeSettings) -> App:
    """One process of the service, ready to be run."""
    process, clock = Process(SERVICE, settings), SystemClock()
    postgres = process.postgres()
    metrics = IntakeMetrics(process.catalogue, clock)
    producer = EdgeProducer(settings.kafka_bootstrap, f"{SERVICE}@{socket.gethostname()}")
    bus = CommandBus(producer, PostgresStore(postgres), source=SERVICE)
    keys = [settings.account_key, *settings.account_keys_old]
    store = ConversationStore(postgres)
    account_store = AccountStore(postgres, Vault([key_bytes(key) for key in keys]))
    bucket = _bucket(settings, BlobLedger(postgres, clock))
    blobs: BlobStore = bucket or PostgresBlobs(postgres, clock)
    book, admission = AccountBook(account_store), Admission(settings.requests_open_max, metrics)
    reader = MailReader()
    parts = _Parts(
        postgres, bus, clock, store, account_store, book, blobs, metrics, admission, reader
    )
    languages.load()
    links = AttachmentLinks([key_bytes(key) for key in keys], settings.public_url)
    effects = Effects(
        accounts=parts.accounts,
        senders=_senders(settings, parts, metrics, links),
        sent=store,
        bus=bus,
        metrics=metrics,
        background=process.background,
        share=lambda: _share(delivery),
    )
    media = _media(settings, process, parts, metrics.media)
    sweeper = _sweeper(process, parts, bucket)
    threader = process.processing(Threader(settings.threading_policy, media), postgres)
    delivery = process.processing(Delivery(settings.delivery_policy, effects), postgres)
    metrics.watch_breakers(providers(), lambda: _breakers(delivery))
    threader.engine.listeners += [bus.hear, metrics.hear, media.hear]
    delivery.engine.listeners += [effects.hear, metrics.hear]
    partitions = topics.load()[CONVERSATIONS].partition_count(settings.partitions)
    tail = Tail(CONVERSATIONS, bootstrap=settings.kafka_bootstrap, partitions=partitions)
    door, chat = _door(settings, parts), _chat(settings, process, parts, tail, links)
    grpc, http = process.doors(
        _services(parts, settings, tail),
        routes=[
            *door.routes(discover()),
            *AttachmentDoor(links=links, blobs=blobs, clock=clock).routes(),
            *ChatDoor(door, chat).routes(),
        ],
        body_bytes=max(hook.body_bytes_max for each in discover() for hook in each.hooks),
    )
    gate = WebhookGate(admission, doorways(discover()), metrics)
    http.speak(http=gated(gate), ws=ChatSocket)
    return process.app(
        *(postgres, producer, effects, media, sweeper, threader, delivery, tail, chat.hub),
        *(reader, *_mail_doors(settings, process, parts), grpc, http),
    )


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the doors share."""

    postgres: Postgres
    bus: CommandBus
    clock: SystemClock
    store: ConversationStore
    account_store: AccountStore
    accounts: AccountBook
    blobs: BlobStore
    metrics: IntakeMetrics
    admission: Admission
    reader: MailReader

    @property
    def files(self) -> Filing:
        """What keeps files and finds them again."""
        return Filing(self.blobs)

    @property
    def reception(self) -> Reception:
        """Where all ways in end; it keeps nothing."""
        parking = ParkedMails(self.postgres, self.blobs, self.clock)
        return Reception(
            bus=self.bus,
            clock=self.clock,
            metrics=self.metrics,
            opener=MailOpener(self.reader, parking),
            filing=self.files,
        )


def _services(parts: _Parts, settings: IntakeSettings, tail: Tail) -> list[Service]:
    commands = Commands(parts.bus, parts.clock, timeout_s=settings.command_seconds)
    watch = ConversationWatch(Watch(tail, parts.postgres), parts.store, clock=parts.clock)
    intake = IntakeApi(accounts=parts.accounts, bus=parts.bus, clock=parts.clock)
    attachments = Attachments(
        store=parts.store, blobs=parts.blobs, bytes_max=settings.attachment_bytes_max
    )
    people = CustomerStore(parts.postgres)
    conversations = ConversationApi(
        store=parts.store,
        customers=people,
        accounts=parts.accounts,
        commands=commands,
        watch=watch,
        attachments=attachments,
    )
    customers = CustomerApi(store=people, commands=commands)
    accounts = AccountApi(
        store=parts.account_store,
        book=parts.accounts,
        parked=ParkedItems(parts.postgres),
        clock=parts.clock,
        providers=providers(),
        reaching=reaching(),
    )
    files = {
        intake_service_pb2: ("IntakeService", intake),
        conversation_service_pb2: ("ConversationService", conversations),
        customer_service_pb2: ("CustomerService", customers),
        account_service_pb2: ("AccountService", accounts),
    }
    return [
        Service(file.DESCRIPTOR.services_by_name[name], servicer)
        for file, (name, servicer) in files.items()
    ]


def _mail_doors(settings: IntakeSettings, process: Process, parts: _Parts) -> Iterator[Component]:
    """The ways in of mail that are no webhooks, as far as they are wanted."""
    if settings.smtp_port:
        yield SmtpDoor(
            _doorway(settings),
            addresses=AddressBook(parts.account_store, parts.accounts),
            reception=parts.reception,
            clock=parts.clock,
            metrics=parts.metrics.mail,
        )
    yield ImapDoor(
        Polling(settings.imap_poll_seconds, tuple(settings.mail_server_networks)),
        leases=MailboxStore(parts.postgres),
        accounts=parts.accounts,
        reception=parts.reception,
        clock=parts.clock,
        metrics=parts.metrics.mail,
        background=process.background,
    )


def _doorway(settings: IntakeSettings) -> Doorway:
    return Doorway(
        host=settings.bind_host,
        port=settings.smtp_port,
        networks=tuple(settings.smtp_networks),
        connections_max=settings.smtp_connections_max,
        mail_bytes_max=settings.smtp_mail_bytes_max,
        certificate=settings.smtp_certificate,
        key=settings.smtp_certificate_key or settings.smtp_certificate,
    )


def _share(delivery: Processing) -> float:
    """This process's part of delivery's shards; between two assignments, that of one."""
    return max(1, len(delivery.engine.shards)) / delivery.partitions


def _breakers(delivery: Processing) -> Iterable[Gate]:
    """Who waits for a provider that is away, in the shards of this process."""
    for shard in delivery.engine.shards.values():
        yield from shard.state.breakers()


def _door(settings: IntakeSettings, parts: _Parts) -> Door:
    return Door(
        accounts=parts.accounts,
        reception=parts.reception,
        admission=parts.admission,
        clock=parts.clock,
        metrics=parts.metrics,
        public_url=settings.public_url,
    )


def _chat(
    settings: IntakeSettings, process: Process, parts: _Parts, tail: Tail, links: AttachmentLinks
) -> ChatParts:
    keys = [key_bytes(key) for key in [settings.account_key, *settings.account_keys_old]]
    hub = Hub(
        tail,
        background=process.background,
        metrics=parts.metrics,
        connections_max=settings.chat_connections_max,
    )
    process.health.on_drain(hub.drain)
    return ChatParts(
        accounts=parts.accounts,
        reception=parts.reception,
        admission=parts.admission,
        lines=LineStore(parts.postgres),
        hub=hub,
        tokens=SessionTokens(keys),
        links=links,
        uploads=Uploads(parts.blobs, keys, bytes_max=settings.attachment_bytes_max),
        clock=parts.clock,
        metrics=parts.metrics,
    )


def _senders(
    settings: IntakeSettings, parts: _Parts, metrics: IntakeMetrics, links: AttachmentLinks
) -> Callable[[ClientSession], Mapping[str, Sender]]:
    def make(session: ClientSession) -> Mapping[str, Sender]:
        context = SendingContext(
            session,
            settings.public_url,
            settings.provider_api_urls,
            link=links.link,
            count=metrics.count_segments,
            content=parts.files.content,
            networks=tuple(settings.mail_server_networks),
        )
        found = ((channel.provider, channel.sender) for channel in discover())
        return {provider: sender(context) for provider, sender in found if sender is not None}

    return make


def _media(
    settings: IntakeSettings, process: Process, parts: _Parts, metrics: MediaMetrics
) -> MediaFetcher:
    getter = SafeFetcher()
    context = MediaContext(getter, settings.provider_api_urls, settings.attachment_bytes_max)
    found = ((channel.provider, channel.media_source) for channel in discover())
    return MediaFetcher(
        accounts=parts.accounts,
        getter=getter,
        sources={name: source(context) for name, source in found if source is not None},
        blobs=parts.blobs,
        bus=parts.bus,
        clock=parts.clock,
        metrics=metrics,
        background=process.background,
    )


def _sweeper(process: Process, parts: _Parts, bucket: S3Blobs | None) -> BlobSweeper:
    return BlobSweeper(
        parts.postgres,
        objects=bucket,
        clock=parts.clock,
        metrics=parts.metrics.media,
        background=process.background,
    )


def _bucket(settings: IntakeSettings, ledger: BlobLedger) -> S3Blobs | None:
    """The bucket that files are kept in, if it is one."""
    if settings.blob_store == IN_POSTGRES:
        return None
    from services.intake.shell.blobs.s3_blobs import Bucket, S3Blobs  # its client takes 4 MB

    place = Bucket(
        url=settings.blob_store,
        region=settings.s3_region,
        endpoint=settings.s3_endpoint,
        key_id=settings.s3_key_id,
        secret=settings.s3_secret,
    )
    return S3Blobs(place, ledger)
