"""The asyncpg pool of one process, tuned so that a frozen backend frees its caller within 3 s."""

from __future__ import annotations

import asyncio
from typing import Any, Final, TypeAlias

import asyncpg
import orjson
import structlog
from asyncpg.pool import PoolConnectionProxy
from pydantic import SecretStr

from services.chassis.health import Health
from services.chassis.lifecycle import Background

COMMAND_SECONDS: Final = 1.4  # asyncpg waits as long again for the cancellation
RELEASE_SECONDS: Final = 0.5
CONNECT_SECONDS: Final = 2.0
PROBE_SECONDS: Final = 3.0
UNREADY_AFTER_SECONDS: Final = 10.0
CHECK: Final = "postgres"
SESSION: Final = {
    "jit": "off",  # compiling a plan costs more than our short statements take
    "idle_in_transaction_session_timeout": "10s",
    "lock_timeout": "1500ms",
    "statement_timeout": "5s",
}

AWAY: Final = (
    OSError,
    TimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a query on a connection that is hearing of its server's end
    asyncpg.LockNotAvailableError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresConnectionError,
    asyncpg.TransactionRollbackError,
    asyncpg.exceptions.PostgresSystemError,
)
"""The database is away, starting, stopping or full: the same may work in a while."""

Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"
"""What `pool.acquire` lends; quoted because asyncpg's class takes no parameter at run time."""

log = structlog.get_logger(__name__)


class Postgres:
    """A component that owns the pool and keeps the `postgres` check of the process' health.

    jsonb and json travel as Python values, by orjson. Sessions keep no state between uses (no SET,
    LISTEN or session lock), so a release costs no round trip. The role's search_path selects the
    schema.
    """

    name = "postgres"

    def __init__(
        self,
        dsn: SecretStr,
        *,
        application: str,
        health: Health,
        background: Background,
        max_size: int = 4,
    ) -> None:
        self._dsn = dsn
        self._application = application
        self._health = health
        self._background = background
        self._max_size = max_size
        self._pool: asyncpg.Pool | None = None
        self._probing: asyncio.Task[None] | None = None

    @property
    def pool(self) -> asyncpg.Pool:
        """The pool, once started. Acquire with `timeout=RELEASE_SECONDS` at the most."""
        assert self._pool is not None, "postgres is not started"
        return self._pool

    async def start(self) -> None:
        """Connect, however long Postgres is away; raises where it lets nobody of this name in."""
        pause = 0.05
        while self._pool is None:
            try:
                self._pool = await self._connected()
            except asyncpg.ClientConfigurationError:
                raise
            except AWAY as error:
                log.warning("postgres_away", exc_info=error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, CONNECT_SECONDS)
        self._health.passing(CHECK)
        self._probing = self._background.spawn(self._probe(self._pool), name="postgres probe")

    async def _connected(self) -> asyncpg.Pool:
        return await asyncpg.create_pool(
            self._dsn.get_secret_value(),
            min_size=1,
            max_size=self._max_size,
            init=_prepare,
            reset=_keep,
            timeout=CONNECT_SECONDS,
            command_timeout=COMMAND_SECONDS,
            max_inactive_connection_lifetime=60.0,
            server_settings={"application_name": self._application, **SESSION},
        )

    async def stop(self) -> None:
        """Close connections; those still busy after the limit are cut."""
        if self._probing is not None:
            self._probing.cancel()
        if self._pool is not None:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._pool.close()
            except TimeoutError:
                self._pool.terminate()

    async def _probe(self, pool: asyncpg.Pool) -> None:
        loop = asyncio.get_running_loop()
        answered = loop.time()
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            try:
                async with pool.acquire(timeout=RELEASE_SECONDS) as connection:
                    await connection.execute("SELECT 1")
            except (*AWAY, asyncpg.PostgresError) as error:
                log.warning("postgres_away", exc_info=error)
                if loop.time() - answered >= UNREADY_AFTER_SECONDS:
                    self._health.failing(CHECK, "no answer for 10 s")
            else:
                answered = loop.time()
                self._health.passing(CHECK)


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=_encode_jsonb, decoder=_decode_jsonb, format="binary"
    )
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=orjson.dumps, decoder=orjson.loads, format="binary"
    )


def _encode_jsonb(value: Any) -> bytes:
    return b"\x01" + orjson.dumps(value)  # version 1 of jsonb's binary format


def _decode_jsonb(value: bytes) -> Any:
    return orjson.loads(value[1:])


async def _keep(_: Any) -> None:
    """No reset query; asyncpg has already rolled back what was left open."""
