-- People with several addresses, conversations that are merged and split, messages that change,
-- and search. Times are unix milliseconds.

-- migrate:up

-- A home has one row: its customer, or, where `yields_to` names another home, what the customer of
-- this one was called before it became part of that one's.
ALTER TABLE customer
    ADD COLUMN yields_to text NOT NULL DEFAULT '',
    ADD COLUMN consents jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN erased boolean NOT NULL DEFAULT false,
    ADD COLUMN search_text text NOT NULL DEFAULT '',
    ADD COLUMN last_feedback jsonb NOT NULL DEFAULT '{}',
    DROP CONSTRAINT customer_pkey,
    ADD PRIMARY KEY (home_id);
-- An id is one living customer's. Tombstones may share it with them and with each other: an erased
-- customer keeps the id of a home that is set free.
CREATE UNIQUE INDEX customer_by_id
    ON customer (customer_id, (CASE WHEN erased THEN home_id ELSE '' END)) WHERE yields_to = '';

-- Every run of three characters of every word, as pg_trgm counts them: an index over them finds
-- parts of names and numbers, and an extension is more than some installations allow.
CREATE FUNCTION trigrams(given text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT coalesce(array_agg(DISTINCT substr(word, at, 3)), '{}')
    FROM regexp_split_to_table(lower(given), '\s+') word, generate_series(1, length(word) - 2) at
$$;
CREATE INDEX customer_search ON customer USING gin (trigrams(search_text)) WHERE yields_to = '';

-- How addresses came to customers and left.
CREATE TABLE identity_link (
    link_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    customer_id text NOT NULL,
    other_customer_id text NOT NULL,
    channel text NOT NULL,
    address text NOT NULL,
    linked boolean NOT NULL,
    rule text NOT NULL,
    confidence double precision NOT NULL,
    actor text NOT NULL,
    at_ms bigint NOT NULL
);
CREATE INDEX identity_link_of_customer ON identity_link (customer_id, at_ms);
CREATE INDEX identity_link_before ON identity_link (other_customer_id);

ALTER TABLE conversation
    ADD COLUMN merged_into_id text NOT NULL DEFAULT '',
    ADD COLUMN split_from_id text NOT NULL DEFAULT '',
    ADD COLUMN participants text[] NOT NULL DEFAULT '{}',
    ADD COLUMN answers_id text NOT NULL DEFAULT '',
    ADD COLUMN detours text[] NOT NULL DEFAULT '{}';
CREATE INDEX conversation_live_of_account ON conversation (account_id) WHERE live;
CREATE INDEX conversation_merged ON conversation (merged_into_id) WHERE merged_into_id <> '';

-- The conversation, and all that were merged into it or into one of these.
CREATE FUNCTION conversations_in(one text) RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE within(conversation_id) AS (
        SELECT one
        UNION SELECT c.conversation_id FROM within JOIN conversation c
            ON c.merged_into_id = within.conversation_id AND c.merged_into_id <> ''
    ) SELECT conversation_id FROM within
$$;

-- `threading` says why the message is in its conversation: rule, confidence, steps.
ALTER TABLE message
    ADD COLUMN participants text[] NOT NULL DEFAULT '{}',
    ADD COLUMN automatic text NOT NULL DEFAULT '',
    ADD COLUMN quoted_text text NOT NULL DEFAULT '',
    ADD COLUMN original_reference text NOT NULL DEFAULT '',
    ADD COLUMN edited_at_ms bigint NOT NULL DEFAULT 0,
    ADD COLUMN retracted_at_ms bigint NOT NULL DEFAULT 0,
    ADD COLUMN threading jsonb NOT NULL DEFAULT '{}';
CREATE INDEX message_by_provider ON message (provider_message_id);
CREATE INDEX message_search ON message USING gin (to_tsvector('simple', subject || ' ' || text));

-- `detour` is the account (with its channel and our address) that the message may go over should it
-- not have gone out, `instead_of` the account that it has left so.
ALTER TABLE message_delivery
    ADD COLUMN detour jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN instead_of text NOT NULL DEFAULT '';

-- What people's mails name, by everybody who has a part in them: two mails that name the same one
-- belong together, although nobody has ever sent us that one.
CREATE TABLE mail_reference (
    reference text NOT NULL,
    party_home_id text NOT NULL,
    conversation_id text NOT NULL,
    PRIMARY KEY (reference, party_home_id, conversation_id)
);
CREATE INDEX mail_reference_of_conversation ON mail_reference (conversation_id);

-- Customers whose data is gone; the row is what is left.
CREATE TABLE erasure (
    home_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    customer_id text NOT NULL,
    reason text NOT NULL,
    erased_at_ms bigint NOT NULL
);

CREATE OR REPLACE FUNCTION commit_threads(rows jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF rows ? 'customer' THEN
        INSERT INTO customer
        SELECT * FROM jsonb_populate_recordset(NULL::customer, rows->'customer')
        ON CONFLICT (home_id) DO UPDATE
        SET (customer_id, tier, language, display_name, identities, attributes, updated_at_ms,
             version, yields_to, consents, erased, search_text, last_feedback) = (
            excluded.customer_id, excluded.tier, excluded.language, excluded.display_name,
            excluded.identities, excluded.attributes, excluded.updated_at_ms, excluded.version,
            excluded.yields_to, excluded.consents, excluded.erased, excluded.search_text,
            excluded.last_feedback);
    END IF;
    IF rows ? 'identity_link' THEN
        INSERT INTO identity_link
        SELECT * FROM jsonb_populate_recordset(NULL::identity_link, rows->'identity_link');
    END IF;
    IF rows ? 'conversation' THEN
        INSERT INTO conversation
        SELECT * FROM jsonb_populate_recordset(NULL::conversation, rows->'conversation')
        ON CONFLICT (conversation_id) DO UPDATE
        SET (customer_id, home_id, account_id, channel, address, account_address, tier, language,
             status, live, updated_at_ms, subject, pool_hint, tags, attributes, last_agent_id,
             messages, sequence, reopened, last_inbound_at_ms, last_outbound_at_ms,
             resolved_at_ms, closed_at_ms, merged_into_id, participants, answers_id, detours) = (
            excluded.customer_id, excluded.home_id, excluded.account_id, excluded.channel,
            excluded.address, excluded.account_address, excluded.tier, excluded.language,
            excluded.status, excluded.live, excluded.updated_at_ms, excluded.subject,
            excluded.pool_hint, excluded.tags, excluded.attributes, excluded.last_agent_id,
            excluded.messages, excluded.sequence, excluded.reopened, excluded.last_inbound_at_ms,
            excluded.last_outbound_at_ms, excluded.resolved_at_ms, excluded.closed_at_ms,
            excluded.merged_into_id, excluded.participants, excluded.answers_id,
            excluded.detours);
    END IF;
    IF rows ? 'message' THEN
        -- What a message keeps for good is when we had it: one that differs there is another with
        -- the same id, so it is refused, and its record is set aside.
        INSERT INTO message
        SELECT * FROM jsonb_populate_recordset(NULL::message, rows->'message')
        ON CONFLICT (message_id) DO UPDATE
        SET (received_at_ms, conversation_id, sequence, place, channel, account_id, from_address,
             to_address, text, quoted_text, attachments, edited_at_ms, retracted_at_ms,
             threading) = (
            CASE WHEN message.received_at_ms = excluded.received_at_ms
                 THEN excluded.received_at_ms END,
            excluded.conversation_id, excluded.sequence, excluded.place, excluded.channel,
            excluded.account_id, excluded.from_address, excluded.to_address, excluded.text,
            excluded.quoted_text, excluded.attachments, excluded.edited_at_ms,
            excluded.retracted_at_ms,
            CASE WHEN excluded.threading = '{}' THEN message.threading
                 ELSE excluded.threading END);
    END IF;
    IF rows ? 'mail_reference' THEN
        INSERT INTO mail_reference
        SELECT * FROM jsonb_populate_recordset(NULL::mail_reference, rows->'mail_reference')
        ON CONFLICT DO NOTHING;
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
        SET (home_id, account_id, progress, provider_message_id, reason, at_ms, detour,
             instead_of) = (
            excluded.home_id, excluded.account_id, excluded.progress,
            excluded.provider_message_id, excluded.reason, excluded.at_ms, excluded.detour,
            excluded.instead_of);
    END IF;
    IF rows ? 'parked_receipt' THEN
        INSERT INTO parked_receipt
        SELECT * FROM jsonb_populate_recordset(NULL::parked_receipt, rows->'parked_receipt')
        ON CONFLICT (account_id, provider_message_id) DO UPDATE
        SET (progress, reason, at_ms, waiting) = (
            excluded.progress, excluded.reason, excluded.at_ms, excluded.waiting);
    END IF;
END $$;

-- migrate:down

DROP TABLE erasure, identity_link, mail_reference;
DROP INDEX message_search, message_by_provider;
ALTER TABLE message
    DROP COLUMN participants, DROP COLUMN automatic, DROP COLUMN quoted_text,
    DROP COLUMN original_reference, DROP COLUMN edited_at_ms, DROP COLUMN retracted_at_ms,
    DROP COLUMN threading;
ALTER TABLE message_delivery DROP COLUMN detour, DROP COLUMN instead_of;
DROP FUNCTION conversations_in(text);
DROP INDEX conversation_live_of_account;
ALTER TABLE conversation
    DROP COLUMN merged_into_id, DROP COLUMN split_from_id, DROP COLUMN participants,
    DROP COLUMN answers_id, DROP COLUMN detours;
DROP INDEX customer_search, customer_by_id;
DROP FUNCTION trigrams(text);
DELETE FROM customer WHERE yields_to <> '';
ALTER TABLE customer
    DROP COLUMN yields_to, DROP COLUMN consents, DROP COLUMN erased, DROP COLUMN search_text,
    DROP COLUMN last_feedback,
    DROP CONSTRAINT customer_pkey, ADD PRIMARY KEY (customer_id);
