"""What WhatsApp tells of messages that are there and of people who are known: changes, moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from services.intake.core.commands import EditMessage, ReactToMessage, RetractMessage
from services.intake.core.identity import home_id, inbound_message_id
from services.intake.core.links import LinkRule
from services.intake.core.model import Channel, StatedIdentity
from services.intake.shell.channels.protocol import Arrived, Item, Linked, Revised, Unread
from services.intake.shell.channels.whatsapp import WebhookHook
from services.intake.shell.wire import inputs, linking
from tests.unit.intake import whatsapp
from tests.unit.intake.given import ADDRESS, NOON_MS, TENANT

USER_ID = "DE.13491208655302741918"
NEW_USER_ID = "DE.99991208655302741918"


def on_whatsapp(*messages: Mapping[str, Any], **value: Any) -> list[Item]:
    body = whatsapp.webhook(whatsapp.change(messages=list(messages), **value))
    return list(WebhookHook().parse(whatsapp.posted(body), whatsapp.business()))


def revision(items: list[Item]) -> Any:
    (item,) = items
    assert isinstance(item, Revised), item
    return item.revision


def arrived(items: list[Item]) -> Any:
    (item,) = items
    assert isinstance(item, Arrived), item
    return item.message


def edit(kind: str = "text", **content: Any) -> dict[str, Any]:
    now = {"context": {"id": "M0"}, "type": kind, kind: content or {"body": "Wo nur?"}}
    return whatsapp.message(
        "edit", {"original_message_id": "wamid.IN", "message": now}, id="wamid.E"
    )


def test_whatsapp_names_the_message_that_an_edit_changes() -> None:
    assert revision(on_whatsapp(edit())) == EditMessage(
        tenant_id=TENANT,
        home_id=home_id(TENANT, "WHATSAPP", ADDRESS),
        account_id=whatsapp.ACCOUNT,
        provider_message_id="wamid.IN",
        message_id=inbound_message_id(whatsapp.ACCOUNT, "wamid.IN"),
        text="Wo nur?",
        occurred_at_ms=whatsapp.WRITTEN_S * 1000,
    )


def test_whatsapp_edits_captions_too() -> None:
    assert revision(on_whatsapp(edit("image", id="7", caption="Look"))).text == "Look"
    assert revision(on_whatsapp(edit("image", id="7"))).text == ""


def test_whatsapp_revokes_by_the_original_id() -> None:
    said = whatsapp.message("revoke", {"original_message_id": "wamid.IN"}, id="wamid.R")
    taken_back = revision(on_whatsapp(said))
    assert isinstance(taken_back, RetractMessage)
    assert taken_back.message_id == inbound_message_id(whatsapp.ACCOUNT, "wamid.IN")


@pytest.mark.parametrize(
    ("content", "reaction"),
    [({"emoji": "👍"}, "👍"), ({"emoji": ""}, ""), ({}, ""), ({"emoji": "x" * 999}, "x" * 64)],
)
def test_whatsapp_reactions_without_an_emoji_take_the_last_one_back(
    content: dict[str, str], reaction: str
) -> None:
    said = whatsapp.message("reaction", {"message_id": "wamid.OUT"} | content, id="wamid.R")
    reacted = revision(on_whatsapp(said))
    assert isinstance(reacted, ReactToMessage)
    assert (reacted.provider_message_id, reacted.reaction) == ("wamid.OUT", reaction)


def moved(kind: str = "user_changed_number", **told: str) -> dict[str, Any]:
    return whatsapp.message("system", {"type": kind, "body": "Grete changed …"} | told)


def links(items: list[Item]) -> list[tuple[str, str]]:
    """Home that is told, and address that comes to it."""
    assert all(isinstance(item, Linked) for item in items), items
    return [(item.link.home_id, item.link.identity.address) for item in items]  # type: ignore[union-attr] # just seen


def test_whatsapp_tells_the_home_of_the_old_number_about_the_new_one() -> None:
    (item,) = on_whatsapp(moved(wa_id="4930901821"))
    assert isinstance(item, Linked)
    home = home_id(TENANT, "WHATSAPP", ADDRESS)
    new = home_id(TENANT, "WHATSAPP", "+4930901821")
    stated = StatedIdentity(Channel.WHATSAPP, "+4930901821", new, verified=True)
    assert (item.link.home_id, item.link.identity) == (home, stated)
    assert item.link.reason.rule is LinkRule.PROVIDER
    said = linking.stated(item.link, received_at_ms=NOON_MS)
    assert linking.link_identity(said, NOON_MS, str) == item.link
    assert (said.actor, inputs.request_key(said)) == (f"provider/{whatsapp.ACCOUNT}", None)


def test_whatsapp_changes_the_user_id_with_the_number() -> None:
    told = moved(wa_id="4930901821", user_id=NEW_USER_ID, previous_user_id=USER_ID)
    before = [home_id(TENANT, "WHATSAPP", each) for each in (ADDRESS, USER_ID)]
    expected = [(home, new) for home in before for new in ("+4930901821", NEW_USER_ID)]
    assert links(on_whatsapp(told)) == expected


def test_whatsapp_changes_the_user_id_alone() -> None:
    told = moved("user_changed_user_id", user_id=NEW_USER_ID, previous_user_id=USER_ID)
    del told["from"]
    assert links(on_whatsapp(told)) == [(home_id(TENANT, "WHATSAPP", USER_ID), NEW_USER_ID)]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (moved("customer_identity_changed"), "system"),
        (moved(), "malformed"),
        (moved(wa_id="me"), "malformed"),
        (whatsapp.message("system", None), "system"),
        (whatsapp.message("edit", {}), "malformed"),
        (whatsapp.message("edit", {"original_message_id": "wamid.IN"}), "malformed"),
        (whatsapp.message("revoke", {}), "malformed"),
        (whatsapp.message("reaction", {"emoji": "👍"}), "malformed"),
    ],
)
def test_whatsapp_changes_of_nothing_are_counted(told: Mapping[str, Any], kind: str) -> None:
    assert on_whatsapp(told) == [Unread(kind)]


def test_whatsapp_vouches_for_the_id_of_whoever_may_hide_their_number() -> None:
    text = whatsapp.message("text", {"body": "Hi"})
    contact = {"profile": {"name": "Grete"}, "wa_id": "4930901820", "user_id": USER_ID}
    home = home_id(TENANT, "WHATSAPP", USER_ID)
    known = (StatedIdentity(Channel.WHATSAPP, USER_ID, home, verified=True),)
    assert arrived(on_whatsapp(text | {"from_user_id": USER_ID})).also_known_as == known
    assert arrived(on_whatsapp(text, contacts=[contact])).also_known_as == known
    assert arrived(on_whatsapp(text)).also_known_as == ()
    assert arrived(on_whatsapp(text | {"from_user_id": "DE.x"})).also_known_as == ()
    hidden = text | {"from": None, "from_user_id": USER_ID}
    assert arrived(on_whatsapp(hidden)).also_known_as == ()


def test_whatsapp_says_which_message_is_quoted() -> None:
    text = whatsapp.message("text", {"body": "This one"})
    assert arrived(on_whatsapp(text | {"context": {"id": "wamid.OUT"}})).in_reply_to == (
        "wamid.OUT",
    )
    assert arrived(on_whatsapp(text | {"context": {"forwarded": True}})).in_reply_to == ()
