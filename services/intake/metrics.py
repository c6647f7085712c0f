"""What intake shows of itself, beside what the chassis shows of every service."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from services.chassis.clock import Clock
from services.chassis.telemetry.metrics import Catalogue
from services.intake.core.delivery.events import Settled
from services.intake.core.delivery.model import Gate
from services.intake.core.events import MessageAdded
from services.intake.core.refusals import Rejection
from services.intake.core.sms import Length

PROVIDER = {"provider": "the channels of this build"}


class MailMetrics:
    """Of mail that comes in without a webhook."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.smtp = catalogue.counter(
            "intake_smtp_replies_total",
            "what mail servers were told of recipients that were refused, and of mails",
            labels={"code": "250, 451, 452, 550, 553"},
        )
        self.polls = catalogue.counter(
            "intake_mailbox_polls_total",
            "looks into mailboxes over IMAP",
            labels={"result": "ok, or one of a few reasons"},
        )


class CallMetrics:
    """Of the calls to providers."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.ended = catalogue.counter(
            "intake_provider_calls_total",
            "calls to providers",
            labels={**PROVIDER, "call": "send, look_up", "result": "what is known after it"},
        )
        self.seconds = catalogue.histogram(
            "intake_provider_call_seconds", "time of a call to a provider", labels=PROVIDER
        )
        self.open = catalogue.gauge("intake_provider_calls_open", "calls under way")


class MediaMetrics:
    """What becomes of customers' files."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.fetches = catalogue.counter(
            "intake_media_fetches_total",
            "attempts to fetch a customer's file from its provider",
            labels={**PROVIDER, "result": "stored, failed, refused"},
        )
        self.waiting = catalogue.gauge(
            "intake_media_waiting", "customers' files that are still to be fetched"
        )
        self.seconds = catalogue.histogram(
            "intake_media_seconds", "from a committed message to its file in our store"
        )
        self.forgotten = catalogue.counter(
            "intake_blobs_forgotten_total", "files forgotten because no message names them"
        )


class ChatMetrics:
    """Of the web chat connections of a process."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.connections = catalogue.gauge(
            "intake_chat_connections", "web chat connections that are open"
        )
        self.closes = catalogue.counter(
            "intake_chat_closes_total",
            "web chat connections that ended",
            labels={"code": "close codes of ours, or gone"},
        )


class IntakeMetrics:
    """Declared once a process; a listener of both processors."""

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._clock = clock
        self.requests = catalogue.counter(
            "intake_webhook_requests_total",
            "requests at the doors",
            labels={**PROVIDER, "code": "HTTP status"},
        )
        self.open = catalogue.gauge("intake_requests_open", "requests under way at the doors")
        self.shed = catalogue.counter(
            "intake_requests_shed_total",
            "requests turned away because too much was under way",
            labels={"priority": "receipt, patient, message"},
        )
        self.accepted = catalogue.counter(
            "intake_accepted_total",
            "items that Kafka has acknowledged",
            labels={**PROVIDER, "item": "message, receipt, revision, identity, call, leftover"},
        )
        self.unread = catalogue.counter(
            "intake_unread_total",
            "items that providers sent and no channel reads, or could not",
            labels={**PROVIDER, "kind": "a few of each channel"},
        )
        self.mail = MailMetrics(catalogue)
        self.calls = CallMetrics(catalogue)
        self.media = MediaMetrics(catalogue)
        self.chat = ChatMetrics(catalogue)
        self._messages = catalogue.counter(
            "intake_messages_total",
            "messages that joined a conversation",
            labels={"channel": "eleven channels", "kind": "six kinds of message"},
        )
        self._threading = catalogue.histogram(
            "intake_threading_seconds", "from the edge to a committed conversation"
        )
        self._settled = catalogue.counter(
            "intake_deliveries_total",
            "outbound messages by how their delivery ended",
            labels={"phase": "sent, failed, uncertain"},
        )
        self._segments = catalogue.counter(
            "intake_sms_segments_total",
            "segments of the SMS that a provider has taken, which is what is paid",
            labels={"encoding": "gsm7, ucs2"},
        )
        self._breaker = catalogue.gauge(
            "intake_breaker_open",
            "accounts that wait because their provider does not answer, once a shard",
            labels=PROVIDER,
        )
        self._refused = catalogue.counter(
            "intake_commands_refused_total", "commands refused", labels={"reason": "a closed list"}
        )

    def count_segments(self, length: Length) -> None:
        """A text has gone out as SMS."""
        self._segments.labels(length.encoding).inc(length.segments)

    def watch_breakers(
        self, providers: Iterable[str], breakers: Callable[[], Iterable[Gate]]
    ) -> None:
        """Show, at each scrape, how many there are of each provider."""

        def open_of(provider: str) -> int:
            return sum(gate.provider == provider for gate in breakers())

        for provider in providers:
            self._breaker.labels(provider).set_function(partial(open_of, provider))

    def hear(self, fact: object) -> None:
        """Count what was just committed; anything else is somebody else's."""
        match fact:
            case MessageAdded(message):
                self._messages.labels(message.channel, message.kind).inc()
                late_ms = self._clock.now_ms() - message.received_at_ms
                self._threading.observe(max(0, late_ms) / 1000)
            case Settled():
                self._settled.labels(fact.phase.lower()).inc()
            case Rejection():
                self._refused.labels(fact.reason).inc()
