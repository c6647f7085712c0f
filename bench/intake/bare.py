"""The edge as bare as it can be: the same signature, one record into Kafka, thanks."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from uuid import uuid4

from google.protobuf.message import Message
from switchboard.intake.v1 import commands_pb2, model_pb2

from bench.path.front import serve


def message_of(form: Mapping[str, str]) -> tuple[bytes, Message]:
    """A form as intake's topic carries it, unchecked."""
    now_ms = time.time_ns() // 1_000_000
    said = commands_pb2.IntakeInput(
        tenant_id="bare",
        occurred_at_ms=now_ms,
        received_at_ms=now_ms,
        home_id=form["From"],
        inbound_message=commands_pb2.InboundMessage(
            account_id="bare",
            channel=model_pb2.CHANNEL_SMS,
            provider_message_id=form["MessageSid"],
            message_id=str(uuid4()),
            from_address=form["From"],
            to_address=form["To"],
            text=form["Body"],
        ),
    )
    return said.home_id.encode(), said


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()
    serve(message_of, topic=asked.topic, bootstrap=asked.bootstrap, port=asked.port)
