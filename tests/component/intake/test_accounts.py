"""Accounts and their secrets through the API, and what the doors make of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from switchboard.intake.v1 import account_service_pb2 as pb
from switchboard.intake.v1 import model_pb2

from services.intake.shell.channels.twilio_signature import sign
from tests.component.intake.house import OUR_NUMBER, Visit, fresh_number

SMS = model_pb2.CHANNEL_SMS


async def create(visit: Visit, **changes: object) -> str:
    """A fresh SMS account; gives its id."""
    account = model_pb2.Account(
        account_id=f"sms-{uuid4().hex[:8]}",
        channel=SMS,
        provider="twilio",
        address=OUR_NUMBER,
        enabled=True,
    )
    for name, value in changes.items():
        setattr(account, name, value)
    ask = pb.UpsertAccountRequest(request_id=str(uuid4()), account=account)
    return str((await visit.get("AccountService.UpsertAccount", ask)).account.account_id)


@pytest.mark.parametrize(
    ("provider", "channel", "field"),
    [("twillio", SMS, "account.provider"), ("line", SMS, "account.channel")],
)
async def test_an_account_that_no_door_would_open_for_is_refused(
    visit: Visit, provider: str, channel: model_pb2.Channel.ValueType, field: str
) -> None:
    account = model_pb2.Account(
        account_id="x", provider=provider, channel=channel, address=OUR_NUMBER
    )
    ask = pb.UpsertAccountRequest(request_id=str(uuid4()), account=account)
    reply = await visit.call("AccountService.UpsertAccount", ask)
    assert (reply.code, field in reply.text) == ("INVALID_ARGUMENT", True), reply.text


async def test_a_setting_without_a_meaning_is_refused_by_its_name(visit: Visit) -> None:
    account = model_pb2.Account(
        account_id="x",
        provider="twilio",
        channel=SMS,
        address=OUR_NUMBER,
        settings={"messages_per_second": "fast"},
    )
    ask = pb.UpsertAccountRequest(request_id=str(uuid4()), account=account)
    reply = await visit.call("AccountService.UpsertAccount", ask)
    assert [item.field for item in reply.details["BadRequest"].field_violations] == [
        "account.settings[messages_per_second]"
    ]


async def naming(visit: Visit, named: str, **who: str) -> Any:
    """An account that names another one for what may not be said over it."""
    account = model_pb2.Account(
        account_id="names-another",
        provider="whatsapp",
        channel=model_pb2.CHANNEL_WHATSAPP,
        address=OUR_NUMBER,
        enabled=True,
        settings={"outside_window_account": named},
    )
    ask = pb.UpsertAccountRequest(request_id=str(uuid4()), account=account)
    return await visit.call("AccountService.UpsertAccount", ask, **who)


async def stand_in(visit: Visit, provider: str, channel: Any, *, enabled: bool = True) -> str:
    """An account that another might name."""
    account = model_pb2.Account(
        account_id=f"stands-in-{provider}-{enabled}",
        provider=provider,
        channel=channel,
        address="site" if channel == model_pb2.CHANNEL_CHAT else OUR_NUMBER,
        enabled=enabled,
    )
    ask = pb.UpsertAccountRequest(request_id=str(uuid4()), account=account)
    return str((await visit.get("AccountService.UpsertAccount", ask)).account.account_id)


async def test_an_account_that_another_names_is_one_that_can_stand_in_for_it(
    visit: Visit,
) -> None:
    sms = await stand_in(visit, "twilio", SMS)
    disabled = await stand_in(visit, "twilio", SMS, enabled=False)
    chat = await stand_in(visit, "web_chat", model_pb2.CHANNEL_CHAT)
    voice = await stand_in(visit, "twilio_voice", model_pb2.CHANNEL_VOICE)
    for named, why in {
        "names-another": "another account than this one",
        "nobody": "create that one first",
        disabled: "enable it first",
        chat: "of web_chat; one of",
        voice: "of twilio_voice; one of",
    }.items():
        reply = await naming(visit, named)
        (found,) = reply.details["BadRequest"].field_violations
        assert reply.code == "INVALID_ARGUMENT"
        assert found.field == "account.settings[outside_window_account]"
        assert why in found.description
    assert (await naming(visit, sms)).code == "OK"
    strange = await naming(visit, sms, tenant="somebody-else")
    assert "create that one first" in strange.text


async def rotate(visit: Visit, account_id: str, value: str) -> model_pb2.SecretVersion:
    """A new token; gives its version."""
    ask = pb.RotateSecretRequest(
        request_id=str(uuid4()), account_id=account_id, name="auth_token", value=value
    )
    secret: model_pb2.SecretVersion = (await visit.get("AccountService.RotateSecret", ask)).secret
    return secret


async def knock(visit: Visit, account_id: str, token: str) -> int:
    """Post an SMS signed with a token; gives the status."""
    form = {
        "From": fresh_number(),
        "To": OUR_NUMBER,
        "Body": "Hello?",
        "MessageSid": f"SM{uuid4().hex}",
    }
    url = f"{visit.house.http_url}/webhooks/twilio/{account_id}"
    fields = {name: [value] for name, value in form.items()}
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-twilio-signature": sign(url=url, form=fields, token=token),
    }
    async with visit.session.post(url, data=urlencode(form), headers=headers) as answer:
        return answer.status


async def test_two_tokens_verify_until_the_old_one_is_retired(visit: Visit) -> None:
    account_id = await create(visit)
    assert await knock(visit, account_id, "first") == 401
    first = await rotate(visit, account_id, "first")
    assert await knock(visit, account_id, "first") == 200
    second = await rotate(visit, account_id, "second")
    assert (first.version, second.version, second.current) == (1, 2, True)
    assert await knock(visit, account_id, "first") == 200
    assert await knock(visit, account_id, "second") == 200
    retire = pb.RetireSecretRequest(
        request_id=str(uuid4()), account_id=account_id, name="auth_token", version=1
    )
    await visit.get("AccountService.RetireSecret", retire)
    assert await knock(visit, account_id, "first") == 401
    assert await knock(visit, account_id, "second") == 200
    listed = await visit.get(
        "AccountService.ListSecrets", pb.ListSecretsRequest(account_id=account_id)
    )
    assert [(s.version, s.current, s.retired_at_ms > 0) for s in listed.secrets] == [
        (2, True, False),
        (1, False, True),
    ]


async def test_the_current_token_cannot_be_retired(visit: Visit) -> None:
    account_id = await create(visit)
    await rotate(visit, account_id, "only")
    retire = pb.RetireSecretRequest(
        request_id=str(uuid4()), account_id=account_id, name="auth_token", version=1
    )
    assert (await visit.call("AccountService.RetireSecret", retire)).code == "FAILED_PRECONDITION"


async def test_secrets_are_sealed_at_rest_and_never_told(visit: Visit) -> None:
    account_id = await create(visit)
    await rotate(visit, account_id, "canary-7f3a")
    rows = await visit.rows.fetch("SELECT * FROM account_secret WHERE account_id = $1", account_id)
    assert b"canary-7f3a" not in b"".join(row["sealed"] for row in rows)
    kept = await visit.rows.fetch("SELECT answer FROM account_request")
    assert not any(b"canary-7f3a" in row["answer"] for row in kept)
    assert "canary-7f3a" not in visit.house.intake.log.read_text()


async def test_a_repeated_rotation_is_one_version(visit: Visit) -> None:
    account_id = await create(visit)
    ask = pb.RotateSecretRequest(
        request_id=str(uuid4()), account_id=account_id, name="auth_token", value="x"
    )
    first = await visit.get("AccountService.RotateSecret", ask)
    assert await visit.get("AccountService.RotateSecret", ask) == first
    listed = await visit.get(
        "AccountService.ListSecrets", pb.ListSecretsRequest(account_id=account_id)
    )
    assert len(listed.secrets) == 1


async def test_a_disabled_account_is_closed_at_once(visit: Visit) -> None:
    account_id = await create(visit)
    await rotate(visit, account_id, "token")
    assert await knock(visit, account_id, "token") == 200
    found = await visit.get(
        "AccountService.GetAccount", pb.GetAccountRequest(account_id=account_id)
    )
    found.account.enabled = False
    ask = pb.UpsertAccountRequest(request_id=str(uuid4()), account=found.account)
    changed = (await visit.get("AccountService.UpsertAccount", ask)).account
    assert changed.version == found.account.version + 1
    assert await knock(visit, account_id, "token") == 404


async def test_accounts_are_listed_by_id_and_channel(visit: Visit) -> None:
    made = {await create(visit) for _ in range(3)}
    ask = pb.ListAccountsRequest(page_size=2, channel=SMS)
    found: list[str] = []
    while True:
        page = await visit.get("AccountService.ListAccounts", ask)
        found += [account.account_id for account in page.accounts]
        if not page.next_page_token:
            break
        ask.page_token = page.next_page_token
    assert found == sorted(found)
    assert made <= set(found)
    rival = await visit.get("AccountService.ListAccounts", ask.__class__(), tenant="rival")
    assert list(rival.accounts) == []


async def test_a_number_that_is_none_is_refused(visit: Visit) -> None:
    account = model_pb2.Account(account_id="bad", channel=SMS, provider="twilio", address="call me")
    ask = pb.UpsertAccountRequest(request_id=str(uuid4()), account=account)
    reply = await visit.call("AccountService.UpsertAccount", ask)
    assert [item.field for item in reply.details["BadRequest"].field_violations] == [
        "account.address"
    ]
