"""Every language says everything, and an unknown one falls back to English."""

from __future__ import annotations

from dataclasses import fields

import pytest

from services.feedback.core.texts import ENGLISH, Texts, texts_for

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "ja", "ar")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_is_complete(language: str) -> None:
    texts = texts_for(language)
    assert texts.language == language
    assert "https://x" in texts.message.format(link="https://x")
    assert all(getattr(texts, item.name) for item in fields(Texts))
    assert len(set(texts.choices)) == 5
    assert (texts.direction == "rtl") == (language == "ar")


@pytest.mark.parametrize(
    ("tag", "language"),
    [("pt-BR", "pt"), ("DE_at", "de"), ("", "en"), ("xx", "en"), ("zh-Hant-TW", "en")],
)
def test_a_tag_is_read_by_its_primary_language(tag: str, language: str) -> None:
    assert texts_for(tag).language == language


@pytest.mark.parametrize("language", set(LANGUAGES) - {"en"})
def test_no_language_is_left_in_english(language: str) -> None:
    assert texts_for(language).question != ENGLISH.question
