"""The HTTP operations on explanations."""

from dataclasses import dataclass
from typing import Any

import msgspec

from explain.service import ExplainService
from monitor.api.operation import BodySpec, Call, Operation, Reply
from monitor.store import Store
from monitor.types import Explanation


class ExplainRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What to explain by which method; ``target`` is "artifact" or "endpoint", ``settings`` the method's own."""

    method: str = "shap"
    version: str | None = None
    seed: int = 0
    target: str | None = None
    settings: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ExplanationList:
    """The explanations stored for one inference, newest first."""

    explanations: list[Explanation]


class Explanations:
    """The handlers of explanations."""

    def __init__(self, store: Store, service: ExplainService) -> None:
        self._store = store
        self._service = service

    def post_explanation(self, call: Call) -> Reply:
        """Explain one captured inference; the same question again is answered from the store."""
        asked = call.json(ExplainRequest)
        explanation = self._service.explain(
            call.path["model"],
            call.path["id"],
            asked.method,
            version=asked.version,
            seed=asked.seed,
            target=asked.target,
            settings=asked.settings,
        )
        return Reply(explanation)

    def get_explanations(self, call: Call) -> Reply:
        """Return what was explained before."""
        model, inference = call.path["model"], call.path["id"]
        self._store.rows.inference(model, inference)
        return Reply(ExplanationList(self._store.explanations.query(model, inference)))


def operations(store: Store, service: ExplainService) -> list[Operation]:
    """Return the operations on explanations."""
    explanations = Explanations(store, service)
    path = "/v1/models/{model}/inferences/{id}/explanations"
    return [
        Operation(
            method="POST",
            path=path,
            name="post_explanation",
            summary="Explain one captured prediction.",
            tag="explanations",
            handler=explanations.post_explanation,
            replies={200: Explanation},
            errors=(400, 404, 413, 415, 422, 429, 503),
            body=BodySpec(type=ExplainRequest, required=False),
            slow=True,
        ),
        Operation(
            method="GET",
            path=path,
            name="list_explanations",
            summary="List what was explained before, newest first.",
            tag="explanations",
            handler=explanations.get_explanations,
            replies={200: ExplanationList},
            errors=(404, 422),
        ),
    ]
