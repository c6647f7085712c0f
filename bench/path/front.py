"""A bare front: it checks a webhook's signature, puts the message into Kafka, and says thanks."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl
from uuid import uuid4

import uvicorn
from aiokafka import AIOKafkaProducer
from google.protobuf.message import Message
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.path.sample import ADDRESS, PATH, Sample, envelope
from local.ports import LOOPBACK
from services.chassis.bus import headers
from services.intake.shell.channels.twilio_signature import HEADER, is_signed

ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


MessageOf = Callable[[Mapping[str, str]], tuple[bytes, Message]]
"""The key and the message that a form becomes."""


def application(
    message_of: MessageOf, *, topic: str, bootstrap: str, url: str, token: str
) -> Starlette:
    """The application: signature, one record with `acks=all`, and only then the answer."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AIOKafkaProducer(
            bootstrap_servers=bootstrap, acks="all", enable_idempotence=True
        ) as app.state.producer:
            yield

    async def accept(request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        if not is_signed(
            url=f"{url}{request.url.path}",
            form={name: [value] for name, value in form.items()},
            signature=request.headers.get(HEADER, ""),
            tokens=[token],
        ):
            return Response("wrong signature", 401)
        key, message = message_of(form)
        sent = await request.app.state.producer.send(
            topic,
            message.SerializeToString(),
            key,
            headers=headers.event(
                message.DESCRIPTOR.full_name,
                event_id=str(uuid4()),
                source="bare.front",
                time_ms=time.time_ns() // 1_000_000,
            ),
        )
        await sent
        return Response(ANSWER, media_type="text/xml")

    return Starlette(routes=[Route("/{path:path}", accept, methods=["POST"])], lifespan=lifespan)


def of_sample(sample: Sample) -> MessageOf:
    """What our front made of the sample, with another sender's digits."""
    [received] = sample.of(PATH[0])
    key, value = sample.template(received.key), sample.template(received.value)
    said = envelope(PATH[0])

    def message_of(form: Mapping[str, str]) -> tuple[bytes, Message]:
        digits = form["From"].removeprefix(ADDRESS).encode()
        return key.filled(digits), said.FromString(value.filled(digits))

    return message_of


def serve(message_of: MessageOf, *, topic: str, bootstrap: str, port: int) -> None:
    """Serve until ended. The signature's token is in the environment: it is a secret."""
    app = application(
        message_of,
        topic=topic,
        bootstrap=bootstrap,
        url=f"http://{LOOPBACK}:{port}",
        token=os.environ["BARE_TOKEN"],
    )
    uvicorn.run(
        app,
        host=LOOPBACK,
        port=port,
        http="httptools",
        loop="uvloop",
        access_log=False,
        log_level="warning",
    )


def main() -> None:
    """Stand in for intake's edge in the chain."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=Path, required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()
    message_of = of_sample(Sample.load(asked.sample))
    serve(message_of, topic=asked.topic, bootstrap=asked.bootstrap, port=asked.port)


if __name__ == "__main__":
    main()
