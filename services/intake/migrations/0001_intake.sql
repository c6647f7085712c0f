-- Accounts, customers, conversations with their messages, and messages on their way out.
-- Times are unix milliseconds. Every table but the accounts' has one writer: its processor.

-- migrate:up

-- Config: written by AccountService, read by the doors and by delivery.
CREATE TABLE account (
    account_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    channel text NOT NULL,
    provider text NOT NULL,
    address text NOT NULL,
    display_name text NOT NULL,
    enabled boolean NOT NULL,
    language text NOT NULL,
    pool_hint text NOT NULL,
    tags text[] NOT NULL,
    if_unseen text NOT NULL,
    settings jsonb NOT NULL,
    created_at_ms bigint NOT NULL,
    updated_at_ms bigint NOT NULL,
    version bigint NOT NULL
);
CREATE INDEX account_of_tenant ON account (tenant_id, account_id);

-- Sealed with AES-256-GCM; `key_id` names the key, the account and name are authenticated too.
CREATE TABLE account_secret (
    account_id text NOT NULL REFERENCES account ON DELETE CASCADE,
    name text NOT NULL,
    version integer NOT NULL,
    key_id text NOT NULL,
    nonce bytea NOT NULL,
    sealed bytea NOT NULL,
    created_at_ms bigint NOT NULL,
    retired_at_ms bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, name, version)
);

-- What AccountService answered: a repeated request gets the same.
CREATE TABLE account_request (
    tenant_id text NOT NULL,
    request_id text NOT NULL,
    answer bytea NOT NULL,
    answered_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, request_id)
);

CREATE TABLE customer (
    customer_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    home_id text NOT NULL,
    tier text NOT NULL,
    language text NOT NULL,
    display_name text NOT NULL,
    identities jsonb NOT NULL,
    attributes jsonb NOT NULL,
    created_at_ms bigint NOT NULL,
    updated_at_ms bigint NOT NULL,
    version bigint NOT NULL
);

CREATE TABLE conversation (
    conversation_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    customer_id text NOT NULL,
    home_id text NOT NULL,
    account_id text NOT NULL,
    channel text NOT NULL,
    address text NOT NULL,
    account_address text NOT NULL,
    tier text NOT NULL,
    language text NOT NULL,
    status text NOT NULL,
    live boolean NOT NULL,
    opened_at_ms bigint NOT NULL,
    updated_at_ms bigint NOT NULL,
    subject text NOT NULL,
    pool_hint text NOT NULL,
    tags text[] NOT NULL,
    attributes jsonb NOT NULL,
    follows_id text NOT NULL,
    last_agent_id text NOT NULL,
    messages integer NOT NULL,
    sequence bigint NOT NULL,
    reopened integer NOT NULL,
    last_inbound_at_ms bigint NOT NULL,
    last_outbound_at_ms bigint NOT NULL,
    resolved_at_ms bigint NOT NULL,
    closed_at_ms bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX conversation_of_home ON conversation (home_id, live);
CREATE INDEX conversation_latest ON conversation (tenant_id, updated_at_ms, conversation_id);
CREATE INDEX conversation_of_customer ON conversation (customer_id, updated_at_ms);

-- `sequence` is the number of the message's event in its conversation, `place` counts messages.
CREATE TABLE message (
    message_id text PRIMARY KEY,
    conversation_id text NOT NULL,
    tenant_id text NOT NULL,
    sequence bigint NOT NULL,
    place integer NOT NULL,
    kind text NOT NULL,
    channel text NOT NULL,
    account_id text NOT NULL,
    author text NOT NULL,
    from_address text NOT NULL,
    to_address text NOT NULL,
    text text NOT NULL,
    subject text NOT NULL,
    language text NOT NULL,
    attachments jsonb NOT NULL,
    provider_message_id text NOT NULL,
    source_id text NOT NULL,
    occurred_at_ms bigint NOT NULL,
    received_at_ms bigint NOT NULL
);
CREATE UNIQUE INDEX message_timeline ON message (conversation_id, sequence);

-- What happened in a conversation besides messages: its beginning, its moves, its customer.
CREATE TABLE conversation_change (
    conversation_id text NOT NULL,
    sequence bigint NOT NULL,
    kind text NOT NULL,
    actor text NOT NULL,
    occurred_at_ms bigint NOT NULL,
    detail jsonb NOT NULL,
    PRIMARY KEY (conversation_id, sequence)
);

-- How far an outbound message has come.
CREATE TABLE message_delivery (
    message_id text PRIMARY KEY,
    conversation_id text NOT NULL,
    home_id text NOT NULL,
    account_id text NOT NULL,
    kind text NOT NULL,
    source_id text NOT NULL,
    progress text NOT NULL,
    provider_message_id text NOT NULL,
    reason text NOT NULL,
    at_ms bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX message_delivery_of_home ON message_delivery (home_id);

-- Receipts that came before their message could be told.
CREATE TABLE parked_receipt (
    account_id text NOT NULL,
    provider_message_id text NOT NULL,
    home_id text NOT NULL,
    progress text NOT NULL,
    reason text NOT NULL,
    at_ms bigint NOT NULL,
    waiting boolean NOT NULL,
    PRIMARY KEY (account_id, provider_message_id)
);
CREATE INDEX parked_receipt_of_home ON parked_receipt (home_id);

-- Outbound messages as delivery has them; `resident` ones are loaded with their shard.
CREATE TABLE dispatch (
    message_id text PRIMARY KEY,
    shard integer NOT NULL,
    resident boolean NOT NULL,
    tenant_id text NOT NULL,
    conversation_id text NOT NULL,
    home_id text NOT NULL,
    account_id text NOT NULL,
    channel text NOT NULL,
    recipient text NOT NULL,
    subject text NOT NULL,
    text text NOT NULL,
    position bigint NOT NULL,
    queued_at_ms bigint NOT NULL,
    attempts_max integer NOT NULL,
    expires_at_ms bigint NOT NULL,
    phase text NOT NULL,
    attempts integer NOT NULL,
    attempted_at_ms bigint NOT NULL,
    lookups integer NOT NULL,
    absences integer NOT NULL,
    doubted_at_ms bigint NOT NULL,
    not_before_ms bigint NOT NULL,
    provider_message_id text NOT NULL,
    reason text NOT NULL,
    settled_at_ms bigint NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX dispatch_resident ON dispatch (shard) WHERE resident;
CREATE INDEX dispatch_of_recipient ON dispatch (home_id, account_id, attempted_at_ms);

CREATE FUNCTION commit_batch(doc jsonb, payloads bytea[]) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    verdict jsonb := engine_commit(doc, payloads);
    rows jsonb := doc->'rows';
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    END IF;
    IF doc->>'processor' = 'intake.delivery' THEN
        PERFORM commit_dispatches(rows);
    ELSIF rows IS NOT NULL THEN
        PERFORM commit_threads(rows);
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION commit_threads(rows jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF rows ? 'customer' THEN
        INSERT INTO customer
        SELECT * FROM jsonb_populate_recordset(NULL::customer, rows->'customer')
        ON CONFLICT (customer_id) DO UPDATE
        SET (tier, language, display_name, identities, attributes, updated_at_ms, version) = (
            excluded.tier, excluded.language, excluded.display_name, excluded.identities,
            excluded.attributes, excluded.updated_at_ms, excluded.version);
    END IF;
    IF rows ? 'conversation' THEN
        INSERT INTO conversation
        SELECT * FROM jsonb_populate_recordset(NULL::conversation, rows->'conversation')
        ON CONFLICT (conversation_id) DO UPDATE
        SET (account_id, channel, address, account_address, tier, language, status, live,
             updated_at_ms, subject, pool_hint, tags, attributes, last_agent_id, messages,
             sequence, reopened, last_inbound_at_ms, last_outbound_at_ms, resolved_at_ms,
             closed_at_ms) = (
            excluded.account_id, excluded.channel, excluded.address, excluded.account_address,
            excluded.tier, excluded.language, excluded.status, excluded.live,
            excluded.updated_at_ms, excluded.subject, excluded.pool_hint, excluded.tags,
            excluded.attributes, excluded.last_agent_id, excluded.messages, excluded.sequence,
            excluded.reopened, excluded.last_inbound_at_ms, excluded.last_outbound_at_ms,
            excluded.resolved_at_ms, excluded.closed_at_ms);
    END IF;
    IF rows ? 'message' THEN
        INSERT INTO message
        SELECT * FROM jsonb_populate_recordset(NULL::message, rows->'message');
    END IF;
    IF rows ? 'conversation_change' THEN
        INSERT INTO conversation_change
        SELECT * FROM jsonb_populate_recordset(
            NULL::conversation_change, rows->'conversation_change');
    END IF;
    IF rows ? 'message_delivery' THEN
        INSERT INTO message_delivery
        SELECT * FROM jsonb_populate_recordset(NULL::message_delivery, rows->'message_delivery')
        ON CONFLICT (message_id) DO UPDATE
        SET (progress, provider_message_id, reason, at_ms) = (
            excluded.progress, excluded.provider_message_id, excluded.reason, excluded.at_ms);
    END IF;
    IF rows ? 'parked_receipt' THEN
        INSERT INTO parked_receipt
        SELECT * FROM jsonb_populate_recordset(NULL::parked_receipt, rows->'parked_receipt')
        ON CONFLICT (account_id, provider_message_id) DO UPDATE
        SET (progress, reason, at_ms, waiting) = (
            excluded.progress, excluded.reason, excluded.at_ms, excluded.waiting);
    END IF;
END $$;

CREATE FUNCTION commit_dispatches(rows jsonb) RETURNS void
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

-- migrate:down

DROP FUNCTION commit_batch(jsonb, bytea[]);
DROP FUNCTION commit_dispatches(jsonb);
DROP FUNCTION commit_threads(jsonb);
DROP TABLE dispatch, parked_receipt, message_delivery, conversation_change, message, conversation;
DROP TABLE customer, account_request, account_secret, account;
