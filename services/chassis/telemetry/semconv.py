"""OpenTelemetry attribute names (semantic conventions 1.44), in one place because they still move.

These are the only attributes a span may carry: no body, no address, no person.
"""

from __future__ import annotations

from typing import Final

ERROR_TYPE: Final = "error.type"
HTTP_METHOD: Final = "http.request.method"
HTTP_ROUTE: Final = "http.route"
HTTP_STATUS: Final = "http.response.status_code"
RPC_SYSTEM: Final = "rpc.system"
RPC_METHOD: Final = "rpc.method"
RPC_STATUS: Final = "rpc.response.status_code"
MESSAGING_SYSTEM: Final = "messaging.system"
MESSAGING_OPERATION: Final = "messaging.operation.name"
MESSAGING_OPERATION_TYPE: Final = "messaging.operation.type"
MESSAGING_DESTINATION: Final = "messaging.destination.name"
MESSAGING_PARTITION: Final = "messaging.destination.partition.id"
MESSAGING_GROUP: Final = "messaging.consumer.group.name"
MESSAGING_OFFSET: Final = "messaging.kafka.offset"
MESSAGING_BATCH: Final = "messaging.batch.message_count"
DB_SYSTEM: Final = "db.system.name"
DB_OPERATION: Final = "db.operation.name"
MESSAGE_TYPE: Final = "switchboard.message.type"
PROCESSOR: Final = "switchboard.processor"
TENANT: Final = "switchboard.tenant"

ALLOWED: Final = frozenset(
    value for name, value in list(globals().items()) if name.isupper() and isinstance(value, str)
)
