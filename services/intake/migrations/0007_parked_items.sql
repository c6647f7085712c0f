-- What providers sent and nobody could read. Times are unix milliseconds.

-- migrate:up

CREATE TABLE parked_item (
    item_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    home_id text NOT NULL,
    account_id text NOT NULL,
    provider text NOT NULL,
    kind text NOT NULL,
    payload text NOT NULL,
    received_at_ms bigint NOT NULL
);
CREATE INDEX parked_item_latest ON parked_item (account_id, received_at_ms, item_id);
CREATE INDEX parked_item_of_home ON parked_item (home_id, received_at_ms);

-- From when on a home's items are kept; what came before is gone.
CREATE TABLE parked_items_since (
    home_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    since_ms bigint NOT NULL
);

CREATE FUNCTION commit_parked_items_since(given jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO parked_items_since
    SELECT * FROM jsonb_populate_recordset(NULL::parked_items_since, given)
    ON CONFLICT (home_id) DO UPDATE SET since_ms = excluded.since_ms;
    DELETE FROM parked_item item USING jsonb_populate_recordset(NULL::parked_items_since, given) kept
    WHERE item.home_id = kept.home_id AND item.received_at_ms < kept.since_ms;
END $$;

-- migrate:down

DROP FUNCTION commit_parked_items_since(jsonb);
DROP TABLE parked_items_since, parked_item;
