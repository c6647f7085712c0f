"""Services share no code, and cards are masked alike in all of them: the file is there twice."""

from __future__ import annotations

import inspect

from services.feedback.core import cards as of_feedback
from services.intake.core import cards as of_intake


def test_cards_are_masked_alike_in_surveys_and_in_conversations() -> None:
    assert inspect.getsource(of_feedback) == inspect.getsource(of_intake)
