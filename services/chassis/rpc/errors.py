"""What a servicer raises, and its AIP-193 form on the wire: one status for gRPC and for Connect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from google.rpc import code_pb2, error_details_pb2, status_pb2

from services.chassis.bus.fates import BusUnavailable, StoreUnavailable
from services.chassis.postgres.pool import AWAY

DOMAIN: Final = "switchboard"
RETRY_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a request: a field path such as `message.text`, and why."""

    field: str
    description: str
    rule: str = ""


class RpcError(Exception):
    """An answer other than OK. The message is for the caller and says what to do."""

    code: int = code_pb2.UNKNOWN

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[Violation] = (),
        retry_ms: int = 0,
    ) -> None:
        """`reason` is UPPER_SNAKE_CASE and stable, for programs; default: the name of the code."""
        super().__init__(message)
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.violations = tuple(violations)
        self.retry_ms = retry_ms

    def status(self) -> status_pb2.Status:
        """The `google.rpc.Status` with ErrorInfo, and BadRequest and RetryInfo where they apply."""
        status = status_pb2.Status(code=self.code, message=str(self))
        info = error_details_pb2.ErrorInfo(
            reason=self.reason or code_pb2.Code.Name(self.code),
            domain=DOMAIN,
            metadata=self.metadata,
        )
        status.details.add().Pack(info)
        if self.violations:
            bad = error_details_pb2.BadRequest()
            for item in self.violations:
                bad.field_violations.add(
                    field=item.field, description=item.description, reason=item.rule
                )
            status.details.add().Pack(bad)
        if self.retry_ms:
            retry = error_details_pb2.RetryInfo()
            retry.retry_delay.FromMilliseconds(self.retry_ms)
            status.details.add().Pack(retry)
        return status


class InvalidArgument(RpcError):
    """The request can never be right, whatever the state."""

    code = code_pb2.INVALID_ARGUMENT


class NotFound(RpcError):
    """No such thing in the caller's tenant."""

    code = code_pb2.NOT_FOUND


class AlreadyExists(RpcError):
    """There is one already."""

    code = code_pb2.ALREADY_EXISTS


class FailedPrecondition(RpcError):
    """Not in this state; repeating does not help."""

    code = code_pb2.FAILED_PRECONDITION


class Aborted(RpcError):
    """Lost a race; read again and repeat."""

    code = code_pb2.ABORTED


class PermissionDenied(RpcError):
    """Known caller, missing role."""

    code = code_pb2.PERMISSION_DENIED


class Unauthenticated(RpcError):
    """No token, or one that does not hold."""

    code = code_pb2.UNAUTHENTICATED


class ResourceExhausted(RpcError):
    """A quota or a size limit is passed."""

    code = code_pb2.RESOURCE_EXHAUSTED


class DeadlineExceeded(RpcError):
    """The time given is over; the outcome may be unknown."""

    code = code_pb2.DEADLINE_EXCEEDED


class Unavailable(RpcError):
    """Not now; for a write: not known accepted. Repeat with the same request id."""

    code = code_pb2.UNAVAILABLE


class Unimplemented(RpcError):
    """In the contract, not built yet."""

    code = code_pb2.UNIMPLEMENTED


class Internal(RpcError):
    """Our fault; the text says nothing, the log does."""

    code = code_pb2.INTERNAL


def translate(error: BaseException) -> RpcError:
    """The answer for any error. Unforeseen ones become INTERNAL, without their text."""
    if isinstance(error, RpcError):
        return error
    if isinstance(error, BaseExceptionGroup):
        answers = [translate(item) for item in error.exceptions]
        return next((item for item in answers if not isinstance(item, Internal)), answers[0])
    if isinstance(error, (*AWAY, BusUnavailable, StoreUnavailable)):
        return Unavailable("temporarily unavailable; try again", retry_ms=RETRY_MS)
    return Internal("internal error")
