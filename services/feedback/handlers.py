"""Playing one command: decide, evolve, and write down what follows."""

from __future__ import annotations

from services.feedback.core import events as said
from services.feedback.core.commands import Command
from services.feedback.core.decide import decide
from services.feedback.core.evolve import evolve
from services.feedback.core.model import Case, Contact
from services.feedback.core.patience import take_turn
from services.feedback.core.policies import Policy
from services.feedback.ports import Ledger


def handle(
    case: Case, command: Command, *, now_ms: int, policy: Policy, ledger: Ledger
) -> tuple[Case, said.Rejection | None]:
    """The case after `command` at log time `now_ms`, or as it was and why it was refused."""
    answer = decide(case, command, now_ms, policy)
    if isinstance(answer, said.Rejection):
        return case, answer
    for event in answer:
        case = evolve(case, event)
        if not isinstance(event, said.TurnRequested):
            ledger.record(case, event)
        _follow(event, now_ms, ledger)
    return case, None


def _follow(event: said.Event, now_ms: int, ledger: Ledger) -> None:
    survey = event.survey
    match event:
        case said.SurveyScheduled():
            if survey.send_at_ms > now_ms:
                ledger.wake_to_send(survey)
        case said.TurnRequested():
            ledger.ask_turn(survey)
        case said.SurveySent():
            ledger.send(survey)
            ledger.wake_to_expire(survey)
        case said.SurveyAnswered():
            ledger.tell_answer(survey)
            ledger.let_sleep(survey)
        case _:
            ledger.let_sleep(survey)


def grant(
    contact: Contact, survey_id: str, *, now_ms: int, policy: Policy, ledger: Ledger
) -> tuple[Contact, bool]:
    """The customer's contact after a survey asked for a turn, and whether it has one."""
    changed, granted = take_turn(contact, survey_id, now_ms, policy.cooldown_ms)
    if changed is not contact:
        ledger.keep(changed)
    return changed, granted
