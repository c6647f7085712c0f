"""How events change the case of a conversation. Total and silent."""

from __future__ import annotations

from dataclasses import replace

from services.feedback.core.events import SILENT, Event
from services.feedback.core.model import Case, Survey, in_order


def evolve(case: Case, event: Event) -> Case:
    """The case after `event`."""
    sequence = case.sequence + (0 if isinstance(event, SILENT) else 1)
    return replace(case, surveys=_with(case.surveys, event.survey), sequence=sequence)


def _with(surveys: tuple[Survey, ...], changed: Survey) -> tuple[Survey, ...]:
    if any(survey.survey_id == changed.survey_id for survey in surveys):
        return tuple(
            changed if survey.survey_id == changed.survey_id else survey for survey in surveys
        )
    return tuple(sorted((*surveys, changed), key=in_order))
