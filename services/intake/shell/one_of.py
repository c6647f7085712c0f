"""Many routes as one: found by one regular expression, where Starlette asks each in its turn."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

_NAMED: Final = re.compile(r"\\\{[a-z_]+\\\}")
_CHOSEN: Final = "chosen_route"


def alternatives(paths: Iterable[str]) -> re.Pattern[str]:
    """Matches each of `paths`, with `{names}` in them: the number of its last group tells which."""
    return re.compile("|".join(f"({_NAMED.sub('[^/?]+', re.escape(path))})" for path in paths))


class OneOf(BaseRoute):
    """Routes whose names are single segments of their paths."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes
        self._paths = alternatives(route.path for route in routes)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As the one route with such a path does."""
        found = self._paths.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None or found.lastindex is None:
            return Match.NONE, {}
        route = self._routes[found.lastindex - 1]
        match, named = route.matches(scope)
        return match, {**named, _CHOSEN: route}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve by the route that matched; whoever measures requests reads its template."""
        route = scope["route"] = scope.pop(_CHOSEN)
        await route.handle(scope, receive, send)
