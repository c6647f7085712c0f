"""The survey's page: plain HTML for a phone, no script, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from typing import Final

from services.feedback.core.policies import COMMENT_MAX, SCORES
from services.feedback.core.texts import Texts

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b1b1f; --page: #fff; --line: #767680; --mark: #0b57d0 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6ea; --page: #1b1b1f; --line: #90909a; --mark: #a8c7fa }
}
body { margin: 0; background: var(--page); color: var(--ink);
  font: 1.125rem/1.5 system-ui, sans-serif }
main { max-width: 32rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
h1 { font-size: 1.5rem; line-height: 1.25 }
fieldset { border: 0; margin: 0; padding: 0 }
legend { padding: 0; margin-block-end: .75rem }
.choice { display: flex; align-items: center; gap: .75rem; min-height: 3rem; padding: .25rem .75rem;
  margin-block-end: .5rem; border: 1px solid var(--line); border-radius: .5rem }
.choice:has(:checked) { border-color: var(--mark); box-shadow: 0 0 0 1px var(--mark) }
input[type=radio] { width: 1.25rem; height: 1.25rem; accent-color: var(--mark); flex: none }
label[for=comment] { display: block; margin-block: 1rem .5rem }
textarea { box-sizing: border-box; width: 100%; padding: .75rem; font: inherit; color: inherit;
  background: transparent; border: 1px solid var(--line); border-radius: .5rem }
button { margin-block-start: 1rem; width: 100%; min-height: 3rem; font: inherit; font-weight: 600;
  border: 0; border-radius: .5rem; background: var(--mark); color: var(--page) }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px }
.alert { border-inline-start: 4px solid #b3261e; padding: .5rem .75rem }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex, nofollow",
}
"""Sent with every page: the address is a secret, so nothing may keep, index or pass it on."""


def form(
    texts: Texts, *, request_id: str, alert: str = "", comment: str = "", score: int = 0
) -> str:
    """The question; `request_id` makes a form that is sent twice one answer."""
    shown = f'<p class="alert" role="alert">{escape(alert)}</p>' if alert else ""
    choices = "".join(_choice(texts, value, checked=value == score) for value in SCORES)
    return _page(
        texts,
        f"""<h1>{escape(texts.title)}</h1>
{shown}<form method="post">
<fieldset><legend>{escape(texts.question)}</legend>
{choices}</fieldset>
<label for="comment">{escape(texts.comment)}</label>
<textarea id="comment" name="comment" rows="4" maxlength="{COMMENT_MAX}">
{escape(comment)}</textarea>
<input type="hidden" name="request_id" value="{escape(request_id)}">
<button type="submit">{escape(texts.submit)}</button>
</form>""",
    )


def note(texts: Texts, text: str) -> str:
    """A page that only says something."""
    return _page(texts, f'<h1>{escape(texts.title)}</h1>\n<p role="status">{escape(text)}</p>')


def _choice(texts: Texts, value: int, *, checked: bool) -> str:
    mark = " checked" if checked else ""
    return (
        f'<label class="choice"><input type="radio" name="score" value="{value}" required{mark}>'
        f"<span>{escape(texts.choices[value - 1])}</span></label>\n"
    )


def _page(texts: Texts, body: str) -> str:
    return f"""<!doctype html>
<html lang="{texts.language}" dir="{texts.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(texts.title)}</title>
<style>{_STYLE}</style>
</head>
<body><main>
{body}
</main></body>
</html>
"""
