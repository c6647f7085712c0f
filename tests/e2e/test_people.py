"""People and what was said with them, from the command line of a running stack."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import Stack

ACCOUNT = "people-by-api"
CSV = """channel,address,display_name,tier,plan
sms,+46701740605,Åsa Lindqvist,excellent,family
email,asa@example.com,,,
sms,not a number,Nobody,,
"""


def test_people_are_imported_found_linked_written_to_and_erased(
    stack: Stack, tmp_path: Path
) -> None:
    put = ("accounts", "put", ACCOUNT, "--channel", "sms", "--provider", "api")
    assert stack.run(*put, "--address", "+4930555009").status == 0
    path = tmp_path / "people.csv"
    path.write_text(CSV, encoding="utf-8")
    imported = stack.run("customers", "import", str(path), "-o", "json")
    assert imported.status == 1
    assert imported.json["written"] == 2
    assert [each["line"] for each in imported.json["refused"]] == [4]

    [found] = stack.run("customers", "search", "lindq", "-o", "json").json
    customer_id = found["customer_id"]
    assert (found["tier"], found["attributes"]) == ("SERVICE_TIER_EXCELLENT", {"plan": "family"})
    assert stack.run("customers", "link", customer_id, "email:asa@example.com").status == 0
    assert stack.run("customers", "consent", customer_id, "survey", "no").status == 0

    begun = stack.run("conversations", "start", ACCOUNT, "+46701740605", "Your parcel is here")
    assert begun.status == 0, begun.err
    conversation_id = begun.out.split()[0]
    for arguments, words in (
        (("note", conversation_id, "Ring twice"), "Noted"),
        (("tag", conversation_id, "--add", "vip"), "Tags: vip"),
        (("status", conversation_id, "closed"), "is closed"),
        (("list", "--filter", "tag = vip"), conversation_id),
        (("search", "parcel"), conversation_id),
        (("show", conversation_id), "Ring twice"),
    ):
        done = stack.run("conversations", *arguments)
        assert (done.status, words in done.out) == (0, True), (arguments, done.out, done.err)

    assert stack.run("customers", "erase", customer_id, "--yes").status == 0
    assert stack.run("customers", "show", customer_id, "-o", "json").json["erased"] is True
    assert "parcel" not in stack.run("conversations", "show", conversation_id).out


def test_what_cannot_be_done_is_said_in_a_sentence(stack: Stack) -> None:
    for arguments, words in (
        (("customers", "show", "nobody"), "no such customer"),
        (("customers", "search", "ab"), "3 characters"),
        (("customers", "link", "nobody", "pigeon:home"), "No such channel"),
        (("conversations", "show", "nowhere"), "no such conversation"),
        (("conversations", "explain", "nothing"), "no such message"),
        (("conversations", "list", "--filter", "colour = red"), "filter"),
        (("conversations", "status", "nowhere", "asleep"), "No such status"),
        (("conversations", "start", "none", "+4930901820", "Hello"), "no such account"),
    ):
        refused = stack.run(*arguments)
        assert (refused.status, words in refused.err) == (1, True), (arguments, refused.err)
