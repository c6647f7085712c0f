"""RPCs that are in the contract and not built yet: they say so, and are listed in the README."""

from __future__ import annotations

from typing import Any, NoReturn

from services.chassis.rpc.errors import Unimplemented


async def planned(_servicer: object, request: Any, context: Any) -> NoReturn:
    """Answer UNIMPLEMENTED. Assigned in a servicer's class body, as `Evaluate = planned`."""
    del request, context
    raise Unimplemented("not built yet; the README of the service lists what is")
