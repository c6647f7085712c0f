"""The bare side's door: Starlette and aiokafka, the same signature check, and no more.

It answers when Kafka has the message, as ours does; it has no accounts, no limits, no masking, no
metrics and no traces.
"""

from __future__ import annotations

import os
from hmac import compare_digest

import uvicorn
import uvloop
from aiokafka import AIOKafkaProducer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local.ports import LOOPBACK
from local.simulator.signature import HEADER, sign
from tests.support.counter import Count

PATH = "/webhook"


class Edge:
    """One route into one topic."""

    def __init__(self, producer: AIOKafkaProducer, *, token: str, topic: str) -> None:
        self._producer = producer
        self._token = token
        self._topic = topic

    async def take(self, request: Request) -> Response:
        """Check, publish, answer."""
        form = {name: str(value) for name, value in (await request.form()).items()}
        signature = sign(token=self._token, url=str(request.url), form=form)
        if not compare_digest(signature, request.headers[HEADER]):
            return Response(status_code=401)
        key = form["MessageSid"]
        count = Count(entity=key, amount=1, request=key, trace=key)
        await self._producer.send_and_wait(self._topic, count.SerializeToString(), key.encode())
        return Response("<Response/>", media_type="text/xml")


async def main() -> None:
    """Serve until a signal."""
    producer = AIOKafkaProducer(
        bootstrap_servers=os.environ["EDGE_KAFKA"], acks="all", enable_idempotence=True
    )
    await producer.start()
    edge = Edge(producer, token=os.environ["EDGE_TOKEN"], topic=os.environ["EDGE_TOPIC"])
    config = uvicorn.Config(
        Starlette(routes=[Route(PATH, edge.take, methods=["POST"])]),
        host=LOOPBACK,
        port=int(os.environ["EDGE_PORT"]),
        http="httptools",
        lifespan="off",
        log_level="error",
        access_log=False,
    )
    await uvicorn.Server(config).serve()
    await producer.stop()


if __name__ == "__main__":
    uvloop.run(main())
