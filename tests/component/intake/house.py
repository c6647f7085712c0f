"""One intake process with a real Kafka, a real Postgres and the provider simulator around it."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
import asyncpg
from aiokafka.admin import AIOKafkaAdminClient
from switchboard.intake.v1 import (
    account_service_pb2,
    conversation_service_pb2,
    customer_service_pb2,
    intake_service_pb2,
    model_pb2,
)

from local import provision
from local.environment import interpreter
from local.ports import free_ports
from local.postgres import migrate
from services.chassis.rpc.methods import Method, describe
from services.intake.core.account import Account
from services.intake.shell.channels.discovery import providers
from services.intake.shell.wire import nouns
from tests.support import stack, tokens
from tests.support.doors import GrpcDoor, Reply
from tests.support.tokens import AUDIENCE, ISSUER, Issuer
from tests.support.waiting import until, until_now

PARTITIONS = 4
TENANT = "acme"
ACCOUNT_SID = "ACdeadbeefdeadbeefdeadbeefdeadbeef"
AUTH_TOKEN = "f0e1d2c3b4a5968778695a4b3c2d1e0f"
OUR_NUMBER = "+4930555000"
SMS_ACCOUNT = "sms-berlin"
FORM_ACCOUNT = "form-1"
SMS_AT_PROVIDER = {
    "account_id": SMS_ACCOUNT,
    "provider": "twilio",
    "address": OUR_NUMBER,
    "settings": {"account_sid": ACCOUNT_SID},
    "secrets": {"auth_token": AUTH_TOKEN},
}
MAIL = {"IMAP_POLL_SECONDS": "0.5", "MAIL_SERVER_NETWORKS": '["127.0.0.0/8"]'}
SERVICES = {
    each.full_name: each
    for file in (
        account_service_pb2,
        conversation_service_pb2,
        customer_service_pb2,
        intake_service_pb2,
    )
    for each in file.DESCRIPTOR.services_by_name.values()
}


@dataclass
class Program:
    """A Python program of ours as a child, killed and started again at will."""

    module: str
    environment: Mapping[str, str]
    log: Path
    ready_url: str
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self, **once: str) -> None:
        """Start and wait until it is ready."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                cwd=self.log.parent,
                env=os.environ | interpreter() | dict(self.environment) | once,
                stdout=log,
                stderr=log,
            )
        until_now(self.is_ready, what=f"{self.module} ready, see {self.log}")

    def is_ready(self) -> bool:
        """Whether its readiness probe says so."""
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        try:
            with urllib.request.urlopen(self.ready_url, timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """Kill -9, as a crash would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """End it in order; gives its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@dataclass
class House:
    """The process and its surroundings."""

    intake: Program
    simulator: Program
    issuer: Issuer
    dsn: str
    grpc_port: int
    http_url: str
    simulator_url: str
    provider_port: int  # where intake expects the others' APIs; a test that needs one listens there
    smtp_port: int

    def token(self, role: str = "admin", *, tenant: str = TENANT, subject: str = "ada") -> str:
        """A token of a role."""
        claims: dict[str, Any] = {"tenant_id": tenant, "tenant": tenant}
        return self.issuer.token(sub=subject, roles=[role], **claims)

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[Visit]:
        """Doors and a database connection for one test."""
        door = GrpcDoor(self.grpc_port)
        rows = await asyncpg.connect(self.dsn, server_settings={"search_path": "intake"})
        async with aiohttp.ClientSession() as session:
            yield Visit(self, door, rows, session)
        await rows.close()
        await door.channel.close()


def method(name: str) -> Method:
    """An RPC by `<Service>.<Method>`."""
    service, _, rpc = name.partition(".")
    return describe(SERVICES[f"switchboard.intake.v1.{service}"].methods_by_name[rpc])


@dataclass
class Visit:
    """What one test does at the house."""

    house: House
    door: GrpcDoor
    rows: asyncpg.Connection
    session: aiohttp.ClientSession

    async def call(self, name: str, *asks: Any, role: str = "admin", **who: str) -> Reply:
        """Call an RPC and see how it ends."""
        return await self.door.call(method(name), *asks, token=self.house.token(role, **who))

    async def get(self, name: str, ask: Any, *, role: str = "admin", **who: str) -> Any:
        """Call a unary RPC that must go well."""
        reply = await self.call(name, ask, role=role, **who)
        assert reply.code == "OK", (reply.code, reply.text)
        return reply.messages[0]

    async def conversation(self, address: str) -> asyncpg.Record:
        """The latest conversation with an address, once it is there."""

        async def found() -> asyncpg.Record | None:
            return await self.rows.fetchrow(
                "SELECT * FROM conversation WHERE address = $1 ORDER BY opened_at_ms DESC LIMIT 1",
                address,
            )

        row = await until(found, what=f"a conversation with {address}")
        assert row is not None
        return row

    async def texts(self, conversation_id: str) -> list[str]:
        """The messages of a conversation, in order."""
        query = "SELECT text FROM message WHERE conversation_id = $1 ORDER BY sequence"
        return [row["text"] for row in await self.rows.fetch(query, conversation_id)]

    async def submit(self, address: str, text: str = "Where is my parcel?") -> asyncpg.Record:
        """A customer writes through the door for programs; gives their conversation."""
        message = intake_service_pb2.SubmittedMessage(
            account_id=SMS_ACCOUNT, from_address=address, text=text
        )
        await self.get(
            "IntakeService.SubmitMessage",
            intake_service_pb2.SubmitMessageRequest(request_id=str(uuid4()), message=message),
        )
        conversation = await self.conversation(address)
        await until(
            lambda: self._is_threaded(conversation["conversation_id"], text), what="the message"
        )
        return conversation

    async def _is_threaded(self, conversation_id: str, text: str) -> bool:
        return text in await self.texts(conversation_id)

    async def open_account(self, account: Account) -> None:
        """Create an account as an operator would, with the current version of each secret."""
        ask = account_service_pb2.UpsertAccountRequest(
            request_id=str(uuid4()), account=nouns.account(account)
        )
        await self.get("AccountService.UpsertAccount", ask)
        for name in account.secrets:
            rotate = account_service_pb2.RotateSecretRequest(
                request_id=str(uuid4()),
                account_id=account.account_id,
                name=name,
                value=account.key(name),
            )
            await self.get("AccountService.RotateSecret", rotate)

    async def faults(self, **faults: float) -> None:
        """Set the provider's faults; none ends them all."""
        url = f"{self.house.simulator_url}/admin/faults"
        async with self.session.put(url, json=faults) as answer:
            assert answer.status == 200, await answer.text()


def fresh_number() -> str:
    """A telephone number that no other test has."""
    return f"+49171{secrets.randbelow(9_000_000) + 1_000_000}"


def build(kafka: stack.Kafka, postgres: stack.Postgres, folder: Path) -> House:
    """Prepare database, topics and programs; nothing is started yet."""
    issuer = Issuer()
    keys = folder / "jwks.json"
    keys.write_bytes(tokens.jwks(issuer))
    admin_dsn = postgres.database("intake")
    password = secrets.token_hex(8)
    folders = [migrate.ENGINE_DIRECTORY, provision.SERVICES / "intake" / "migrations"]
    asyncio.run(migrate.migrate(admin_dsn, "intake", folders, password=password))
    partitions = asyncio.run(_topics(kafka.bootstrap))
    http_port, grpc_port, simulator_port, provider_port, smtp_port = free_ports(5)
    simulator_url = f"http://127.0.0.1:{simulator_port}"
    http_url = f"http://127.0.0.1:{http_port}"
    settings = {
        "KAFKA_BOOTSTRAP": kafka.bootstrap,
        "POSTGRES_DSN": _role_dsn(admin_dsn, password),
        "PARTITIONS": str(partitions),
        "REPLICAS": "1",
        "HTTP_PORT": str(http_port),
        "GRPC_PORT": str(grpc_port),
        "AUTH_ISSUER": ISSUER,
        "AUTH_AUDIENCE": AUDIENCE,
        "AUTH_JWKS": str(keys),
        "PUBLIC_URL": http_url,
        "ACCOUNT_KEY": secrets.token_urlsafe(32),
        "PROVIDER_API_URLS": json.dumps(
            dict.fromkeys(providers(), f"http://127.0.0.1:{provider_port}")
            | {"twilio": simulator_url}
        ),
        "LOOKUP_FIRST_MS": "100",  # the simulator lists at once
        "SMTP_PORT": str(smtp_port),
        **MAIL,
    }
    intake = Program(
        "services.intake",
        {f"SWITCHBOARD_{name}": value for name, value in settings.items()},
        folder / "intake.log",
        f"{http_url}/readyz",
    )
    simulator = Program(
        "local.simulator",
        {
            "SIMULATOR_PORT": str(simulator_port),
            "SIMULATOR_LEDGER": str(folder / "provider.jsonl"),
            "SIMULATOR_ACCOUNTS": json.dumps([SMS_AT_PROVIDER]),
        },
        folder / "simulator.log",
        f"{simulator_url}/healthz",
    )
    return House(
        intake=intake,
        simulator=simulator,
        issuer=issuer,
        dsn=admin_dsn,
        grpc_port=grpc_port,
        http_url=http_url,
        simulator_url=simulator_url,
        provider_port=provider_port,
        smtp_port=smtp_port,
    )


async def furnish(house: House) -> None:
    """Create the accounts, as an operator would."""
    async with house.visit() as visit:
        for account in (
            model_pb2.Account(
                account_id=SMS_ACCOUNT,
                channel=model_pb2.CHANNEL_SMS,
                provider="twilio",
                address=OUR_NUMBER,
                enabled=True,
                language="de",
                settings={"account_sid": ACCOUNT_SID},
            ),
            model_pb2.Account(
                account_id=FORM_ACCOUNT,
                channel=model_pb2.CHANNEL_FORM,
                provider="web",
                address="contact",
                enabled=True,
            ),
        ):
            ask = account_service_pb2.UpsertAccountRequest(request_id=str(uuid4()), account=account)
            await visit.get("AccountService.UpsertAccount", ask)
        rotate = account_service_pb2.RotateSecretRequest(
            request_id=str(uuid4()), account_id=SMS_ACCOUNT, name="auth_token", value=AUTH_TOKEN
        )
        await visit.get("AccountService.RotateSecret", rotate)


async def _topics(bootstrap: str) -> int:
    """Make the registry's topics, cut as another test may have cut them; gives the partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        described: Any = await admin.describe_topics()
    finally:
        await admin.close()
    found = {topic["topic"]: len(topic["partitions"]) for topic in described}
    partitions = found.get("intake.inputs.v1", PARTITIONS)
    await provision.apply_topics(bootstrap=bootstrap, partitions=partitions)
    return partitions


def _role_dsn(admin_dsn: str, password: str) -> str:
    """The service's own role in the same database."""
    return f"postgresql://svc_intake:{password}@{admin_dsn.rpartition('@')[2]}"
