"""Imports: many commands on one stream, some at a time, each refused or written by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from switchboard.intake.v1 import customer_service_pb2 as pb

from services.chassis.rpc.errors import RpcError, Unavailable

AT_A_TIME: Final = 64

Write = Callable[[pb.ImportCustomersRequest], Awaitable[None]]


async def imported(
    requests: AsyncIterator[pb.ImportCustomersRequest], write: Write
) -> pb.ImportCustomersResponse:
    """How many were written, and what was refused, in the order of the stream.

    What nobody can decide now ends the call with `Unavailable`: the stream may be sent again, since
    each line has its own request id.
    """
    report = pb.ImportCustomersResponse()
    chunk: list[pb.ImportCustomersRequest] = []
    async for request in requests:
        chunk.append(request)
        if len(chunk) == AT_A_TIME:
            await _write(chunk, write, report)
            chunk.clear()
    await _write(chunk, write, report)
    return report


async def _write(
    chunk: list[pb.ImportCustomersRequest], write: Write, report: pb.ImportCustomersResponse
) -> None:
    ended = await asyncio.gather(*map(write, chunk), return_exceptions=True)
    for request, error in zip(chunk, ended, strict=True):
        if error is None:
            report.written += 1
        elif isinstance(error, RpcError) and not isinstance(error, Unavailable):
            report.refusals.add(request_id=request.request_id, reason=str(error))
        else:
            raise error
