"""Between the wire and the core: what happened to conversations in, surveys and messages out."""

from __future__ import annotations

from switchboard.feedback.v1 import events_pb2 as pb
from switchboard.feedback.v1 import model_pb2 as model
from switchboard.intake.v1 import events_pb2 as intake_events
from switchboard.intake.v1 import model_pb2 as intake
from switchboard.intake.v1.commands_pb2 import IntakeInput

from services.feedback.core import events as said
from services.feedback.core.commands import Command, Forget, GiveUp, Resolve, Withdraw
from services.feedback.core.model import (
    Case,
    Reason,
    Recipient,
    State,
    Survey,
    answer_id_of,
)
from services.feedback.core.policies import SCORES, Policy
from services.feedback.core.texts import ENGLISH

ACTOR = "service/feedback"
POLICY_ID = "default"
_LOST = frozenset({intake.DELIVERY_STATUS_FAILED})
_SETTLED = frozenset({intake.CONVERSATION_STATUS_RESOLVED, intake.CONVERSATION_STATUS_CLOSED})


def command_of(event: intake_events.ConversationEvent) -> Command | None:
    """What a conversation's event tells its surveys, or None where it tells them nothing."""
    match event.WhichOneof("kind"):
        case "status_changed":
            return _status(event)
        case "merged":
            ours = event.merged.source_conversation_id == event.conversation.conversation_id
            return Withdraw(Reason.MERGED) if ours else None
        case "customer_updated":
            return Forget() if event.customer_updated.erased else None
        case "delivery_changed":
            changed = event.delivery_changed
            lost = changed.purpose == intake.PURPOSE_SURVEY and changed.status in _LOST
            return GiveUp(changed.source_id, Reason.FAILED) if lost else None
        case "command_rejected":
            refused = event.command_rejected.source_id
            return GiveUp(refused, Reason.REFUSED) if refused else None
        case _:
            return None


def _status(event: intake_events.ConversationEvent) -> Command | None:
    changed = event.status_changed
    if changed.to_status == intake.CONVERSATION_STATUS_RESOLVED:
        return Resolve(
            recipient=_recipient(event.conversation, changed.agent_id),
            resolution_id=event.event_id,
            resolved_at_ms=event.occurred_at_ms,
        )
    return None if changed.to_status in _SETTLED else Withdraw(Reason.REOPENED)


def _recipient(ref: intake.ConversationRef, agent_id: str) -> Recipient:
    tier = ref.tier or intake.SERVICE_TIER_BASIC
    return Recipient(
        tenant_id=ref.tenant_id,
        conversation_id=ref.conversation_id,
        customer_id=ref.customer_id,
        home_id=ref.home_id,
        channel=intake.Channel.Name(ref.channel).removeprefix("CHANNEL_"),
        account_id=ref.account_id,
        tier=intake.ServiceTier.Name(tier).removeprefix("SERVICE_TIER_"),
        language=ref.language,
        agent_id=agent_id,
    )


def question(survey: Survey, text: str, now_ms: int) -> IntakeInput:
    """The message to the customer; the survey's id makes it one message however often it is put."""
    message = IntakeInput(
        tenant_id=survey.recipient.tenant_id,
        occurred_at_ms=now_ms,
        received_at_ms=now_ms,
        request_id=survey.survey_id,
        actor=ACTOR,
        home_id=survey.recipient.home_id,
    )
    message.send_message.conversation_id = survey.recipient.conversation_id
    message.send_message.text = text
    message.send_message.purpose = intake.PURPOSE_SURVEY
    message.send_message.source_id = survey.survey_id
    return message


def answer_told(survey: Survey, now_ms: int) -> IntakeInput:
    """What the customer answered, for whoever has them. The comment is PII."""
    assert survey.answer is not None, "a survey that is answered has an answer"
    recipient, answer = survey.recipient, survey.answer
    return IntakeInput(
        tenant_id=recipient.tenant_id,
        occurred_at_ms=answer.answered_at_ms,
        received_at_ms=now_ms,
        request_id=answer_id_of(survey.survey_id, answer.answered_at_ms),
        actor=ACTOR,
        home_id=recipient.home_id,
        note_feedback=intake.Feedback(
            survey_id=survey.survey_id,
            conversation_id=recipient.conversation_id,
            kind=intake.FEEDBACK_KIND_CSAT,
            score=answer.score,
            score_min=SCORES[0],
            score_max=SCORES[-1],
            comment=answer.comment,
            answered_at_ms=answer.answered_at_ms,
        ),
    )


def survey_message(survey: Survey) -> model.Survey:
    """The survey as readers see it. The comment is PII."""
    recipient, answer = survey.recipient, survey.answer
    message = model.Survey(
        survey_id=survey.survey_id,
        tenant_id=recipient.tenant_id,
        conversation_id=recipient.conversation_id,
        customer_id=recipient.customer_id,
        kind=model.SURVEY_KIND_CSAT,
        state=model.SurveyState.Value(f"SURVEY_STATE_{survey.state}"),
        agent_id=recipient.agent_id,
        channel=intake.Channel.Value(f"CHANNEL_{recipient.channel}"),
        tier=intake.ServiceTier.Value(f"SERVICE_TIER_{recipient.tier}"),
        language=recipient.language,
        policy_id=POLICY_ID,
        policy_version=survey.policy_version,
        resolved_at_ms=survey.resolved_at_ms,
        send_at_ms=survey.send_at_ms,
        sent_at_ms=survey.sent_at_ms or 0,
        expires_at_ms=survey.expires_at_ms or 0,
        reason=survey.reason or "",
        recovery=bool(survey.recovery_id),
    )
    if answer is not None:
        message.score = answer.score
        message.comment = answer.comment
        message.answered_at_ms = answer.answered_at_ms
    return message


def event_message(case: Case, event: said.Event, *, event_id: str, now_ms: int) -> pb.FeedbackEvent:
    """The announcement of `event`; `case` is as it stands after it. It carries no comment."""
    message = pb.FeedbackEvent(
        event_id=event_id,
        tenant_id=event.survey.recipient.tenant_id,
        conversation_id=case.conversation_id,
        occurred_at_ms=now_ms,
        sequence=case.sequence,
        survey=survey_message(event.survey),
    )
    message.survey.ClearField("comment")
    _say(message, event)
    return message


def _say(message: pb.FeedbackEvent, event: said.Event) -> None:
    survey, reason = event.survey, str(event.survey.reason or "")
    match event:
        case said.SurveyScheduled():
            message.scheduled.send_at_ms = survey.send_at_ms
        case said.SurveySuppressed():
            message.suppressed.reason = reason
        case said.SurveySent():
            message.sent.expires_at_ms = survey.expires_at_ms or 0
        case said.SurveyExpired():
            message.expired.SetInParent()
        case said.SurveyCancelled():
            message.cancelled.reason = reason
        case said.SurveyUndelivered():
            message.undelivered.reason = reason
        case said.SurveyAnswered() | said.RecoveryOpened():
            _say_answer(message, event)


def _say_answer(
    message: pb.FeedbackEvent, event: said.SurveyAnswered | said.RecoveryOpened
) -> None:
    answer = event.survey.answer
    if answer is None:
        return
    if isinstance(event, said.SurveyAnswered):
        message.answered.score = answer.score
        message.answered.source = answer.source
        return
    message.recovery_opened.recovery_id = event.survey.recovery_id
    message.recovery_opened.reason = "detractor"
    message.recovery_opened.score = answer.score


def policy_message(policy: Policy) -> model.SurveyPolicy:
    """The policy in force. Other languages than the fallback's come with the service."""
    return model.SurveyPolicy(
        policy_id=POLICY_ID,
        version=policy.version,
        kind=model.SURVEY_KIND_CSAT,
        delay_ms=policy.delay_ms,
        expires_after_ms=policy.answer_within_ms,
        cooldown_ms=policy.cooldown_ms,
        sample_percent=100,
        texts={"": ENGLISH.message},
        recovery_at_or_below=policy.recover_at_most if policy.recover_at_most in SCORES else None,
        enabled=True,
    )


def state_of(name: str) -> State | None:
    """The state a filter names, as `ANSWERED` or `SURVEY_STATE_ANSWERED`; None if it is none."""
    short = name.removeprefix("SURVEY_STATE_")
    return State(short) if short in State.__members__ else None
