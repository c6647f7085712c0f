-- Web chat: what each visitor is shown, in an order that a reader can go on from.

-- migrate:up

-- `lines` is raised under the row's lock, which is held until the commit. So the numbers of one
-- visitor have no gaps and appear in their order: whoever sees one has seen all below it.
CREATE TABLE chat_visitor (
    account_id text NOT NULL,
    visitor_id text NOT NULL,
    tenant_id text NOT NULL,
    lines bigint NOT NULL,
    PRIMARY KEY (account_id, visitor_id)
) WITH (fillfactor = 70);

-- A message that its visitor sees: theirs, or one to them. It keeps its number wherever it moves.
CREATE TABLE chat_line (
    account_id text NOT NULL,
    visitor_id text NOT NULL,
    number bigint NOT NULL,
    tenant_id text NOT NULL,
    message_id text NOT NULL UNIQUE,
    PRIMARY KEY (account_id, visitor_id, number)
);

-- Which visitor a person is whom the account's site names; `home_id` is that of their address.
-- Written by the door: whoever is named first decides.
CREATE TABLE chat_person (
    account_id text NOT NULL,
    home_id text NOT NULL,
    tenant_id text NOT NULL,
    visitor_id text NOT NULL,
    PRIMARY KEY (account_id, home_id),
    UNIQUE (account_id, visitor_id)
);
CREATE INDEX chat_person_of_home ON chat_person (home_id);

CREATE FUNCTION number_chat_line() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    visitor text := CASE NEW.kind WHEN 'INBOUND' THEN NEW.from_address ELSE NEW.to_address END;
    number bigint;
BEGIN
    IF visitor <> '' THEN
        INSERT INTO chat_visitor AS known VALUES (NEW.account_id, visitor, NEW.tenant_id, 1)
        ON CONFLICT (account_id, visitor_id) DO UPDATE SET lines = known.lines + 1
        RETURNING lines INTO number;
        INSERT INTO chat_line
        VALUES (NEW.account_id, visitor, number, NEW.tenant_id, NEW.message_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER message_is_chat_line AFTER INSERT ON message FOR EACH ROW
WHEN (NEW.channel = 'CHAT' AND NEW.kind <> 'NOTE') EXECUTE FUNCTION number_chat_line();

-- migrate:down

DROP TRIGGER message_is_chat_line ON message;
DROP FUNCTION number_chat_line();
DROP TABLE chat_person, chat_line, chat_visitor;
