"""How events change the case of a conversation. Total and silent."""

from __future__ import annotations

from dataclasses import replace

from services.feedback.core.events import Event, TurnRequested
from services.feedback.core.model import Case, Survey


def evolve(case: Case, event: Event) -> Case:
    """The case after `event`."""
    if isinstance(event, TurnRequested):  # between our own shards, nothing to announce
        return case
    surveys = _with(case.surveys, event.survey)
    return replace(case, surveys=surveys, sequence=case.sequence + 1)


def _with(surveys: tuple[Survey, ...], changed: Survey) -> tuple[Survey, ...]:
    if any(survey.survey_id == changed.survey_id for survey in surveys):
        return tuple(
            changed if survey.survey_id == changed.survey_id else survey for survey in surveys
        )
    return (*surveys, changed)
