"""A callback URL's fragment changes the provider's retries, and is neither sent nor signed."""

from __future__ import annotations

from local.simulator.overrides import parse
from local.simulator.signature import sign


def test_without_a_fragment_only_a_failed_connection_is_retried_once() -> None:
    plain = parse("http://host/callback?id=1")
    assert (plain.url, plain.retries) == ("http://host/callback?id=1", 1)
    assert plain.wants_retry(0)
    assert not any(plain.wants_retry(status) for status in (-1, 404, 500, 503))


def test_a_fragment_names_count_and_policy() -> None:
    call = parse("http://host/callback?id=1#rc=3&rp=5xx,rt&tt=4000")
    assert (call.url, call.retries, call.total_s) == ("http://host/callback?id=1", 3, 4.0)
    assert call.wants_retry(503)
    assert call.wants_retry(-1)
    assert not call.wants_retry(0)


def test_all_means_every_failure_and_limits_hold() -> None:
    call = parse("http://host/#rc=99&rp=all&tt=99000")
    assert (call.retries, call.total_s) == (5, 15.0)
    assert all(call.wants_retry(status) for status in (0, -1, 401, 500))
    assert not call.wants_retry(204)


def test_signature_agrees_with_the_provider_s_published_vector() -> None:
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
        "Caller": "+14158675309",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert sign(token="12345", url=url, form=form) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="
