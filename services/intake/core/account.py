"""An account: one configured endpoint of a channel, as the doors and the delivery use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from services.intake.core.model import Channel

YES: Final = "true"
NO: Final = "false"
MMS: Final = "mms"
HUMAN_AGENT: Final = "human_agent"
PLUS_ADDRESSING: Final = "plus_addressing"
SUBJECT_NUMBER: Final = "subject_number"
SINGLE_CONVERSATION: Final = "single_conversation"
DETECT_LANGUAGE: Final = "detect_language"
EXAMPLE_PAGE: Final = "example_page"
VOICE_TRANSCRIBE: Final = "voice_transcribe"
VISITOR_FILES: Final = "visitor_files"
FLAGS: Final = (
    MMS,
    HUMAN_AGENT,
    PLUS_ADDRESSING,
    SUBJECT_NUMBER,
    SINGLE_CONVERSATION,
    DETECT_LANGUAGE,
    EXAMPLE_PAGE,
    VOICE_TRANSCRIBE,
    VISITOR_FILES,
)
HELP_TEXT: Final = "help_text"
HELP_CHARACTERS_MAX: Final = 600  # some four segments: beyond that nobody reads on
BLOCKED_SENDERS: Final = "blocked_senders"
OUTSIDE_WINDOW_ACCOUNT: Final = "outside_window_account"
RATE: Final = "messages_per_second"
RATE_MIN: Final = 0.01
RATE_MAX: Final = 10_000.0


class IfUnseen(StrEnum):
    """What becomes of an outbound message whose fate stays unknown."""

    HOLD = "HOLD"
    FAIL = "FAIL"
    ASSUME_SENT = "ASSUME_SENT"


@dataclass(frozen=True, slots=True)
class Account:
    """One endpoint with its live secrets: by name, the current version first, older ones after."""

    account_id: str
    tenant_id: str
    channel: Channel
    provider: str
    address: str
    display_name: str
    enabled: bool
    language: str
    pool_hint: str
    tags: tuple[str, ...]
    if_unseen: IfUnseen
    settings: Mapping[str, str]
    created_at_ms: int
    updated_at_ms: int
    version: int
    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @property
    def has_single_conversations(self) -> bool:
        """Whether all messages of a person go into one conversation, until that is closed."""
        return self.says(SINGLE_CONVERSATION)

    @property
    def takes_visitor_files(self) -> bool:
        """Whether visitors of web chat may send files."""
        return self.says(VISITOR_FILES, unless_stated=True)

    @property
    def help_text(self) -> str:
        """What HELP is answered with; empty where a person does."""
        return self.settings.get(HELP_TEXT, "").strip()

    def keys(self, name: str) -> tuple[str, ...]:
        """The versions of a secret that still verify; empty where none is set."""
        return self.secrets.get(name, ())

    def key(self, name: str) -> str:
        """The current version of a secret; empty where none is set."""
        return next(iter(self.keys(name)), "")

    def says(self, name: str, *, unless_stated: bool = False) -> bool:
        """Whether a setting that is a yes or a no is a yes."""
        stated = self.settings.get(name, "")
        return stated == YES if stated else unless_stated

    def blocks(self, sender: str) -> bool:
        """Whether nothing is taken from an address.

        The setting `blocked_senders` lists addresses, and domains as `@example.com`, between
        spaces.
        """
        address = sender.lower()
        _, at, domain = address.rpartition("@")
        listed = self.settings.get(BLOCKED_SENDERS, "").lower().split()
        return not {address, at + domain}.isdisjoint(listed)

    @property
    def outside_window_account(self) -> str:
        """The account over which is said what may not be said over this one any more, if any."""
        return self.settings.get(OUTSIDE_WINDOW_ACCOUNT, "")

    @property
    def messages_per_second(self) -> float | None:
        """How fast its provider takes its messages; None where no limit is stated."""
        stated = self.settings.get(RATE, "")
        return float(stated) if stated and not _wrong_rate(stated) else None


def misstated(settings: Mapping[str, str], channel: Channel) -> tuple[str, str] | None:
    """The name of a setting that has no meaning as it is stated, and why; None if all have."""
    for name in FLAGS:
        if settings.get(name, YES) not in {YES, NO}:
            return name, f"is {YES} or {NO}"
    wrong = {
        RATE: _wrong_rate(settings.get(RATE, "1")),
        HELP_TEXT: _wrong_help(settings[HELP_TEXT], channel) if HELP_TEXT in settings else "",
    }
    return next(((name, why) for name, why in wrong.items() if why), None)


def _wrong_help(stated: str, channel: Channel) -> str:
    """Why a text is no answer to HELP; empty if it is one."""
    if channel is not Channel.SMS:
        return "is for SMS: leave it out"
    if not stated.strip():
        return "is empty: leave it out for a person to answer"
    too_long = len(stated) > HELP_CHARACTERS_MAX
    return f"has at most {HELP_CHARACTERS_MAX} characters" if too_long else ""


def _wrong_rate(stated: str) -> str:
    """Why a text is no rate; empty if it is one."""
    try:
        fits = RATE_MIN <= float(stated) <= RATE_MAX
    except ValueError:
        fits = False
    return "" if fits else f"is a number from {RATE_MIN:g} to {RATE_MAX:g}"
