-- What delivery needs to send files, to thread, and to keep within its providers' windows and
-- limits. A row written by a process of the release before lacks the new columns: it gets the
-- values of `dispatch_base`, and takes nothing back that grows only.

-- migrate:up

-- A message may go over a second account when the first is done with it: a row each, by its own
-- shard. `kind` is what the message is for; `refs` and `in_reply_to` are the provider's ids; `forgiven`
-- counts the attempts that say nothing against the message.
ALTER TABLE dispatch
    ADD COLUMN kind text NOT NULL DEFAULT 'REPLY',
    ADD COLUMN attachments jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN in_reply_to text NOT NULL DEFAULT '',
    ADD COLUMN refs text[] NOT NULL DEFAULT '{}',
    ADD COLUMN participants text[] NOT NULL DEFAULT '{}',
    ADD COLUMN last_inbound_at_ms bigint NOT NULL DEFAULT 0,
    ADD COLUMN template text NOT NULL DEFAULT '',
    ADD COLUMN forgiven integer NOT NULL DEFAULT 0,
    ADD COLUMN maybe_sent boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT dispatch_pkey,
    ADD PRIMARY KEY (message_id, account_id);

-- What an account's attempts stand before, in each shard that has seen trouble with its provider.
CREATE TABLE account_gate (
    account_id text NOT NULL,
    shard integer NOT NULL,
    tenant_id text NOT NULL,
    provider text NOT NULL,
    troubled boolean NOT NULL,
    failures integer NOT NULL,
    since_ms bigint NOT NULL,
    times integer NOT NULL,
    until_ms bigint NOT NULL,
    barrier text NOT NULL,
    PRIMARY KEY (account_id, shard)
);
CREATE INDEX account_gate_troubled ON account_gate (shard) WHERE troubled;

CREATE FUNCTION dispatch_base() RETURNS dispatch
LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_populate_record(NULL::dispatch, '{
        "kind": "REPLY", "attachments": [], "in_reply_to": "", "refs": [], "participants": [],
        "last_inbound_at_ms": 0, "template": "", "forgiven": 0, "maybe_sent": false}')
$$;

CREATE OR REPLACE FUNCTION commit_dispatches(rows jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF rows ? 'dispatch' THEN
        INSERT INTO dispatch
        SELECT * FROM jsonb_populate_recordset(dispatch_base(), rows->'dispatch')
        ON CONFLICT (message_id, account_id) DO UPDATE
        SET (resident, phase, attempts, attempted_at_ms, lookups, absences, doubted_at_ms,
             not_before_ms, provider_message_id, reason, settled_at_ms, forgiven, maybe_sent) = (
            excluded.resident, excluded.phase, excluded.attempts, excluded.attempted_at_ms,
            excluded.lookups, excluded.absences, excluded.doubted_at_ms, excluded.not_before_ms,
            excluded.provider_message_id, excluded.reason, excluded.settled_at_ms,
            greatest(dispatch.forgiven, excluded.forgiven),
            dispatch.maybe_sent OR excluded.maybe_sent);
    END IF;
    IF rows ? 'account_gate' THEN
        INSERT INTO account_gate
        SELECT * FROM jsonb_populate_recordset(NULL::account_gate, rows->'account_gate')
        ON CONFLICT (account_id, shard) DO UPDATE
        SET (provider, troubled, failures, since_ms, times, until_ms, barrier) = (
            excluded.provider, excluded.troubled, excluded.failures, excluded.since_ms,
            excluded.times, excluded.until_ms, excluded.barrier);
    END IF;
END $$;

-- migrate:down

CREATE OR REPLACE FUNCTION commit_dispatches(rows jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF rows ? 'dispatch' THEN
        INSERT INTO dispatch
        SELECT * FROM jsonb_populate_recordset(NULL::dispatch, rows->'dispatch')
        ON CONFLICT (message_id) DO UPDATE
        SET (resident, phase, attempts, attempted_at_ms, lookups, absences, doubted_at_ms,
             not_before_ms, provider_message_id, reason, settled_at_ms) = (
            excluded.resident, excluded.phase, excluded.attempts, excluded.attempted_at_ms,
            excluded.lookups, excluded.absences, excluded.doubted_at_ms, excluded.not_before_ms,
            excluded.provider_message_id, excluded.reason, excluded.settled_at_ms);
    END IF;
END $$;
DROP FUNCTION dispatch_base();
DROP TABLE account_gate;
DELETE FROM dispatch d USING message m WHERE m.message_id = d.message_id
    AND m.account_id <> d.account_id;
ALTER TABLE dispatch
    DROP CONSTRAINT dispatch_pkey, ADD PRIMARY KEY (message_id),
    DROP COLUMN kind, DROP COLUMN attachments, DROP COLUMN in_reply_to, DROP COLUMN refs,
    DROP COLUMN participants, DROP COLUMN last_inbound_at_ms, DROP COLUMN template,
    DROP COLUMN forgiven, DROP COLUMN maybe_sent;
