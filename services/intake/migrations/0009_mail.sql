-- Mailboxes that are polled, and mails that become no message.

-- migrate:up

-- How far a mailbox has been read, and who reads it. One process at a time holds the lease, by this
-- database's clock; what it has read counts only while it does. `uid_validity` 0: never read.
CREATE TABLE mailbox (
    account_id text PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    uid_validity bigint NOT NULL DEFAULT 0,
    last_uid bigint NOT NULL DEFAULT 0,
    holder text NOT NULL DEFAULT '',
    held_until timestamptz NOT NULL DEFAULT '-infinity',
    due_at timestamptz NOT NULL DEFAULT '-infinity',
    failures integer NOT NULL DEFAULT 0,
    last_error text NOT NULL DEFAULT ''
);

-- Mails that cannot be read, or are from nobody: where they are kept (`blob:<digest>`), and why.
-- After 30 days the sweep of files no longer minds them.
CREATE TABLE parked_mail (
    tenant_id text NOT NULL,
    digest text NOT NULL,
    account_id text NOT NULL,
    reason text NOT NULL,
    parked_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, digest, account_id)
);

-- migrate:down

DROP TABLE parked_mail, mailbox;
