"""The HTTP operations on a captured row that might have been another: what if, and what would have had to be."""

from dataclasses import fields
from typing import Any

import msgspec

from explain.choosing import AUTO
from explain.request import Asked
from explain.service import ExplainService
from explain.trying import Counterfactual, WhatIf
from monitor.api.operation import BodySpec, Call, Operation, Reply

ERRORS = (400, 404, 409, 413, 415, 422, 429, 503)


class WhatIfRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Other values for some features of a captured row; the rest stays as it was."""

    changes: dict[str, Any] = {}
    version: str | None = None
    seed: int = 0
    target: str | None = None


class CounterfactualRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Which features may change, and which answers are sought.

    By default all features that are not protected, and, for a binary decision, the other side of the threshold. The
    words are made of an explanation by ``method``.
    """

    features: list[str] | None = None
    below: float | None = None
    above: float | None = None
    method: str = AUTO
    version: str | None = None
    seed: int = 0
    target: str | None = None


def asked_of(call: Call, given: msgspec.Struct) -> Asked:
    """Return the question that a request's path and body put; what else the body says is for the handler."""
    about = {each.name for each in fields(Asked)}
    said = {name: value for name, value in msgspec.structs.asdict(given).items() if name in about}
    return Asked(model=call.path["model"], inference_id=call.path["id"], **said)


class Tried:
    """The handlers of questions about one row."""

    def __init__(self, service: ExplainService) -> None:
        self._service = service

    def post_what_if(self, call: Call) -> Reply:
        """Ask the version that served a row what it answers to other values."""
        given = call.json(WhatIfRequest)
        return Reply(self._service.trying.what_if(asked_of(call, given), given.changes))

    def post_counterfactual(self, call: Call) -> Reply:
        """Find the smallest plausible change that makes a decision another one."""
        given = call.json(CounterfactualRequest)
        found = self._service.trying.counterfactual(
            asked_of(call, given), features=given.features, below=given.below, above=given.above
        )
        return Reply(found)


def operations(service: ExplainService) -> list[Operation]:
    """Return the operations on rows that might have been others."""
    tried = Tried(service)
    row = "/v1/models/{model}/inferences/{id}"
    return [
        Operation(
            method="POST",
            path=f"{row}/what-if",
            name="what_if",
            summary="Ask what the model answers to a captured row with other values; it is not captured.",
            tag="explanations",
            handler=tried.post_what_if,
            replies={200: WhatIf},
            errors=ERRORS,
            body=BodySpec(type=WhatIfRequest),
            slow=True,
        ),
        Operation(
            method="POST",
            path=f"{row}/counterfactual",
            name="counterfactual",
            summary="Find the smallest plausible change that makes a decision another one, and say it in words.",
            tag="explanations",
            handler=tried.post_counterfactual,
            replies={200: Counterfactual},
            errors=ERRORS,
            body=BodySpec(type=CounterfactualRequest, required=False),
            slow=True,
        ),
    ]
