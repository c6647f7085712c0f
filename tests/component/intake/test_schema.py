"""The migration and the code agree: every row carries every column, every value survives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from services.chassis.bus.processor import Row
from services.intake.core.call_model import Call, CallState
from services.intake.core.delivery.model import Barrier, Dispatch, Gate, Phase
from services.intake.core.leftovers import ItemsForgotten, KeepItem
from services.intake.core.media import WantedMedia
from services.intake.core.model import (
    Attachment,
    EarlyRevision,
    Kind,
    Progress,
    Receipt,
    RevisionKind,
)
from services.intake.shell import rows
from services.intake.shell.rows import DELIVERY_TABLES, THREADER_TABLES
from services.intake.shell.store import ConversationStore
from tests.component.intake.house import Visit
from tests.unit.intake.given import CONVERSATION, NOON_MS, after, dispatch, inbound, say

DOSSIER = after(inbound(), say())
_CUSTOMER = DOSSIER.customer
assert _CUSTOMER is not None
CALL = Call("m-1", "voice-berlin", "CA1", CallState.RINGING)
ITEM = KeepItem("acme", "h", "i-1", "a", "slack", "unknown", "{}", NOON_MS)
EARLY = EarlyRevision("m-1", RevisionKind.REACT, NOON_MS, "acme", "h", "a", "SM", "+", NOON_MS)
ROWS: Mapping[str, Row] = {
    "customer": rows.customer_row(_CUSTOMER),
    "conversation": rows.conversation_row(DOSSIER.conversations[CONVERSATION]),
    "message_delivery": rows.delivery_row(DOSSIER.deliveries["r-1"]),
    "parked_receipt": rows.receipt_row(
        Receipt("a", "SM", Progress.SENT, "", NOON_MS), home_id="h", waiting=True
    ),
    "media_wanted": rows.media_row(
        WantedMedia("acme", "h", "a", "c", "m", Attachment("m-0", "", "", 0, "x:1"), 0), shard=0
    ),
    "parked_revision": rows.early_row(EARLY, owner="h", shard=0, waiting=True),
    "call": rows.call_row(CALL, tenant_id="acme"),
    "parked_item": rows.parked_item_row(ITEM),
    "parked_items_since": rows.parked_items_since_row(ItemsForgotten("acme", "h", NOON_MS)),
    "retraction": rows.retraction_row(DOSSIER.messages["m-1"]),
    "dispatch": rows.dispatch_row(dispatch(), shard=0, resident=True),
    "account_gate": rows.gate_row(
        Gate("a", "acme", "twilio", times=2, until_ms=NOON_MS, barrier=Barrier.UNREACHABLE),
        shard=0,
        troubled=True,
    ),
}
PHOTO = Attachment("a-1", "photo.jpg", "image/jpeg", 7, "blob:1")


@pytest.mark.parametrize("table", ROWS)
async def test_a_row_carries_every_column(visit: Visit, table: str) -> None:
    query = """
        SELECT column_name FROM information_schema.columns
        WHERE table_schema = 'intake' AND table_name = $1"""
    columns = {row["column_name"] for row in await visit.rows.fetch(query, table)}
    assert ROWS[table].keys() == columns


@pytest.mark.parametrize("table", [*THREADER_TABLES, *DELIVERY_TABLES], ids=lambda t: t.name)
async def test_a_table_has_the_key_that_the_processor_puts_by(visit: Visit, table: Any) -> None:
    query = """
        SELECT a.attname FROM pg_index i
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = $1::regclass AND i.indisprimary"""
    key = {row["attname"] for row in await visit.rows.fetch(query, table.name)}
    assert set(table.key) == key


LOOKUPS = {
    "customer_pkey": "SELECT * FROM customer WHERE home_id = ANY($1::text[])",
    "customer_by_id": "SELECT * FROM customer WHERE customer_id = $1::text AND yields_to = ''",
    "identity_link_before": "SELECT * FROM identity_link WHERE other_customer_id = $1::text",
    "identity_link_of_customer": """
        SELECT * FROM identity_link WHERE customer_id = $1::text ORDER BY at_ms DESC""",
    "conversation_merged": """
        SELECT * FROM conversation WHERE merged_into_id = $1::text AND merged_into_id <> ''""",
    "message_by_provider": "SELECT * FROM message WHERE provider_message_id = ANY($1::text[])",
    "conversation_of_home": """
        SELECT * FROM conversation WHERE home_id = ANY($1::text[]) AND live = $2::boolean""",
    "conversation_latest": """
        SELECT * FROM conversation
        WHERE tenant_id = $1::text AND (updated_at_ms, conversation_id) < ($2::bigint, $3::text)
        ORDER BY updated_at_ms DESC, conversation_id DESC LIMIT $4::bigint""",
    "conversation_of_customer": "SELECT * FROM conversation WHERE customer_id = $1::text",
    "message_timeline": """
        SELECT * FROM message WHERE conversation_id = $1::text AND sequence > $2::bigint
        ORDER BY sequence LIMIT $3::bigint""",
    "message_delivery_pkey": "SELECT * FROM message_delivery WHERE message_id = ANY($1::text[])",
    "message_delivery_of_home": """
        SELECT * FROM message_delivery
        WHERE home_id = ANY($1::text[]) AND provider_message_id = ANY($2::text[])""",
    "message_of_file": """
        SELECT FROM message WHERE attachments <> '[]'
        AND attachments @> jsonb_build_array(jsonb_build_object('reference', $1::text))""",
    "message_of_original": """
        SELECT FROM message WHERE original_reference <> '' AND original_reference = $1::text""",
    "media_wanted_of_shard": (
        "SELECT * FROM media_wanted WHERE shard = $1::integer AND waiting = $2::boolean"
    ),
    "media_wanted_of_conversation": (
        "DELETE FROM media_wanted WHERE conversation_id = ANY($1::text[])"
    ),
    "chat_line_pkey": """
        SELECT * FROM chat_line l JOIN message m USING (message_id)
        WHERE l.account_id = $1::text AND l.visitor_id = $2::text AND l.number > $3::bigint
        ORDER BY l.number LIMIT $4::bigint""",
    "parked_item_latest": """
        SELECT * FROM parked_item
        WHERE tenant_id = $1::text AND account_id = $2::text
        AND (received_at_ms, item_id) < ($3::bigint, $4::text)
        ORDER BY received_at_ms DESC, item_id DESC LIMIT $5::bigint""",
    "parked_item_of_home": """
        SELECT * FROM parked_item WHERE home_id = $1::text AND received_at_ms < $2::bigint""",
    "parked_revision_of_owner": """
        SELECT * FROM parked_revision WHERE owner = ANY($1::text[]) AND waiting = $2::boolean""",
    "parked_revision_of_shard": """
        SELECT * FROM parked_revision WHERE shard = $1::integer AND waiting = $2::boolean""",
    "dispatch_of_recipient": """
        SELECT provider_message_id FROM dispatch
        WHERE home_id = $1::text AND account_id = $2::text
        AND greatest(attempted_at_ms, settled_at_ms) >= $3::bigint""",
}


@pytest.mark.parametrize("index", LOOKUPS)
async def test_a_lookup_has_its_index_whatever_is_looked_up(visit: Visit, index: str) -> None:
    """Planned without knowing the values, as a statement is that is used often."""
    query = LOOKUPS[index]
    nulls = ", ".join(["NULL"] * len(set(re.findall(r"\$\d", query))))
    async with visit.rows.transaction():
        await visit.rows.execute("SET LOCAL enable_seqscan = off")
        await visit.rows.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        await visit.rows.execute(f"PREPARE lookup AS {query}")
        plan = await visit.rows.fetch(f"EXPLAIN EXECUTE lookup({nulls})")
        await visit.rows.execute("DEALLOCATE lookup")
    assert any(index in row[0] for row in plan), [row[0] for row in plan]


async def test_what_was_asked_for_long_ago_and_sent_just_now_is_known(visit: Visit) -> None:
    hour_ms = 3_600_000
    queued = dispatch("late", account_id="late-account")
    called = replace(queued, attempted_at_ms=NOON_MS - 9 * hour_ms, settled_at_ms=NOON_MS)
    sent = replace(called, phase=Phase.SENT, provider_message_id="SMlate")
    row = orjson.dumps(rows.dispatch_row(sent, shard=0, resident=False)).decode()
    query = "INSERT INTO dispatch SELECT * FROM jsonb_populate_record(NULL::dispatch, $1::jsonb)"
    await visit.rows.execute(query, row)
    store = ConversationStore(cast("Any", SimpleNamespace(pool=visit.rows)))
    since_ms = NOON_MS - hour_ms
    assert await store.sent_ids("late-account", sent.home_id, since_ms=since_ms) == {"SMlate"}


async def commit(visit: Visit, **tables: Row) -> None:
    """Write rows as a batch of delivery does."""
    document = orjson.dumps({table: [row] for table, row in tables.items()}).decode()
    await visit.rows.execute("SELECT commit_dispatches($1::jsonb)", document)


async def stored(visit: Visit, message_id: str) -> Dispatch:
    """A dispatch as delivery would load it."""
    query = "SELECT to_jsonb(d) FROM dispatch d WHERE message_id = $1"
    return rows.dispatch_of(orjson.loads(await visit.rows.fetchval(query, message_id)))


async def test_a_dispatch_comes_back_as_it_went_in_and_changes_as_it_goes(visit: Visit) -> None:
    whole = replace(
        dispatch("whole"),
        kind=Kind.SURVEY,
        attachments=(PHOTO,),
        in_reply_to="<2@a>",
        references=("<1@a>", "<2@a>"),
        participants=("cc@a.example",),
        last_inbound_at_ms=NOON_MS,
        template="order_update",
    )
    await commit(visit, dispatch=rows.dispatch_row(whole, shard=0, resident=True))
    assert await stored(visit, "whole") == whole
    postponed = replace(whole, attempts=2, forgiven=1, maybe_sent=True, not_before_ms=NOON_MS)
    await commit(visit, dispatch=rows.dispatch_row(postponed, shard=0, resident=True))
    assert await stored(visit, "whole") == postponed


NEW_COLUMNS = {
    "kind",
    "attachments",
    "in_reply_to",
    "refs",
    "participants",
    "last_inbound_at_ms",
    "template",
    "forgiven",
    "maybe_sent",
}


async def test_a_process_of_the_release_before_writes_rows_and_takes_nothing_back(
    visit: Visit,
) -> None:
    row = {
        name: value
        for name, value in rows.dispatch_row(dispatch("old"), shard=0, resident=True).items()
        if name not in NEW_COLUMNS
    }
    await commit(visit, dispatch=row)
    assert await stored(visit, "old") == dispatch("old")
    doubted = replace(dispatch("old"), forgiven=3, maybe_sent=True)
    await commit(visit, dispatch=rows.dispatch_row(doubted, shard=0, resident=True))
    await commit(visit, dispatch=row | {"attempts": 5})
    assert await stored(visit, "old") == replace(doubted, attempts=5)


async def test_a_gate_is_one_row_a_shard_that_opens_and_shuts(visit: Visit) -> None:
    gate = Gate("gated", "acme", "twilio", failures=2, since_ms=NOON_MS)
    for troubled in (True, False):
        row = rows.gate_row(gate, shard=3, troubled=troubled)
        await commit(visit, account_gate=row)
        query = "SELECT to_jsonb(g) FROM account_gate g WHERE account_id = 'gated'"
        (found,) = await visit.rows.fetch(query)
        assert orjson.loads(found[0]) == row


async def test_with_a_customer_go_the_files_and_copies_of_what_was_sent_to_them(
    visit: Visit,
) -> None:
    conversation = replace(
        DOSSIER.conversations[CONVERSATION], conversation_id="gone", home_id="gone-home"
    )
    document = orjson.dumps({"conversation": [rows.conversation_row(conversation)]}).decode()
    await visit.rows.execute("SELECT commit_threads($1::jsonb)", document)
    said = replace(
        dispatch("gone", home="gone-home"),
        conversation_id="gone",
        phase=Phase.SENT,
        attachments=(PHOTO,),
        participants=("cc@a.example",),
    )
    await commit(visit, dispatch=rows.dispatch_row(said, shard=0, resident=False))
    erasure = {
        "home_id": "gone-home",
        "tenant_id": "acme",
        "customer_id": "c",
        "reason": "asked",
        "erased_at_ms": NOON_MS,
    }
    await visit.rows.execute("SELECT erase($1::jsonb)", orjson.dumps([erasure]).decode())
    left = await stored(visit, "gone")
    assert (left.attachments, left.participants, left.recipient) == ((), (), "")
