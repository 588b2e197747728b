"""The HTTP operations on explanations of single predictions, and on those that are under way."""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from explain import api_trying, api_windows
from explain.agreement import Agreement, agreements
from explain.api_trying import asked_of
from explain.choosing import AUTO
from explain.cost import Cost
from explain.service import ExplainService
from explain.tasks import ExplainTask
from monitor.api.operation import BodySpec, Call, Operation, Parameter, Reply
from monitor.errors import Unavailable
from monitor.store import Store
from monitor.store.backgrounds import KeptBackground
from monitor.types import Explanation

ERRORS = (400, 404, 409, 413, 415, 422, 429, 503)


class ExplainRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What to explain by which method; ``target`` is "artifact" or "endpoint", ``settings`` the method's own.

    Without ``wait`` the answer is the place in the queue. With ``cohort``, a column's name, the row is compared with
    those like it in that column only.
    """

    method: str = AUTO
    version: str | None = None
    seed: int = 0
    target: str | None = None
    settings: dict[str, Any] | None = None
    wait: bool = True
    cohort: str | None = None


@dataclass(frozen=True, slots=True)
class ExplanationList:
    """The explanations stored for one inference, newest first, and how far its methods agree."""

    explanations: list[Explanation]
    agreement: list[Agreement]


@dataclass(frozen=True, slots=True)
class TaskList:
    """What is under way, and what ended lately; newest first."""

    tasks: list[ExplainTask]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Libraries are imported, and the first models were loaded and asked once."""

    ready: bool


class Explanations:
    """The handlers of explanations."""

    def __init__(self, store: Store, service: ExplainService) -> None:
        self._store = store
        self._service = service

    async def post_explanation(self, call: Call) -> Reply:
        """Explain one captured inference; the same question again is answered from the store."""
        given = call.json(ExplainRequest)
        asked = asked_of(call, given)
        loop = asyncio.get_running_loop()
        found, task = await loop.run_in_executor(None, partial(self._service.ask, asked))
        if not given.wait:
            return Reply(self._service.tasks.view(task), 202)
        # Shielded: a caller that goes away does not end what others may wait for, too.
        explanation: asyncio.Future[Explanation] = asyncio.wrap_future(found)
        return Reply(await asyncio.shield(explanation))

    def post_cost(self, call: Call) -> Reply:
        """Return what the same request to explain would cost; nothing is asked of the model."""
        return Reply(self._service.cost(asked_of(call, call.json(ExplainRequest))))

    def get_explanations(self, call: Call) -> Reply:
        """Return what was explained before."""
        model, inference = call.path["model"], call.path["id"]
        self._store.rows.inference(model, inference)
        known = self._store.explanations.query(model, inference)
        return Reply(ExplanationList(known, agreements(known)))

    def get_background(self, call: Call) -> Reply:
        """Return the rows that explanations with a background of that hash compared with."""
        return Reply(self._store.backgrounds.get(call.path["model"], call.path["hash"]))

    def get_readiness(self, _call: Call) -> Reply:
        """Answer 200 once an explanation need not wait for anything to be loaded; until then it only takes longer."""
        if not self._service.ready:
            raise Unavailable("libraries and models are being loaded; explanations take some seconds longer until then")
        return Reply(Readiness(ready=True))

    def get_tasks(self, call: Call) -> Reply:
        """Return what is under way."""
        return Reply(TaskList(self._service.tasks.listed(call.text("model"))))

    def get_task(self, call: Call) -> Reply:
        """Return how far one is."""
        return Reply(self._service.tasks.view(self._service.tasks.get(call.path["task"])))

    def delete_task(self, call: Call) -> Reply:
        """Cancel one that waits or runs."""
        return Reply(self._service.tasks.view(self._service.tasks.cancel(call.path["task"])))


def operations(store: Store, service: ExplainService) -> list[Operation]:
    """Return every operation on explanations."""
    explanations = Explanations(store, service)
    path = "/v1/models/{model}/inferences/{id}/explanations"
    one = "/v1/explanations/tasks/{task}"
    return [
        Operation(
            method="POST",
            path=path,
            name="post_explanation",
            summary="Explain one captured prediction.",
            tag="explanations",
            handler=explanations.post_explanation,
            replies={200: Explanation, 202: ExplainTask},
            errors=ERRORS,
            body=BodySpec(type=ExplainRequest, required=False),
        ),
        Operation(
            method="POST",
            path=f"{path}/cost",
            name="post_explanation_cost",
            summary="Say what an explanation would cost, in model rows and requests, without making it.",
            tag="explanations",
            handler=explanations.post_cost,
            replies={200: Cost},
            errors=(400, 404, 413, 415, 422),
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
        Operation(
            method="GET",
            path="/v1/models/{model}/backgrounds/{hash}",
            name="get_background",
            summary="The rows of a reference that explanations compared with, by the hash that these name.",
            tag="explanations",
            handler=explanations.get_background,
            replies={200: KeptBackground},
            errors=(404, 422),
        ),
        Operation(
            method="GET",
            path="/v1/explanations/readiness",
            name="get_explanation_readiness",
            summary="Tell whether libraries and models are loaded, so that an explanation does not wait for them.",
            tag="explanations",
            handler=explanations.get_readiness,
            replies={200: Readiness},
            errors=(422, 503),
        ),
        Operation(
            method="GET",
            path="/v1/explanations/tasks",
            name="list_explanation_tasks",
            summary="List the explanations under way with their places in the queue, and those that ended lately.",
            tag="explanations",
            handler=explanations.get_tasks,
            replies={200: TaskList},
            errors=(422,),
            parameters=(Parameter(name="model", description="Only this model's."),),
        ),
        Operation(
            method="GET",
            path=one,
            name="get_explanation_task",
            summary="Tell how far one explanation is, or those of a window.",
            tag="explanations",
            handler=explanations.get_task,
            replies={200: ExplainTask},
            errors=(404,),
        ),
        Operation(
            method="DELETE",
            path=one,
            name="cancel_explanation_task",
            summary="Cancel explanations that wait or run.",
            tag="explanations",
            handler=explanations.delete_task,
            replies={200: ExplainTask},
            errors=(404,),
        ),
        *api_trying.operations(service),
        *api_windows.operations(store, service),
    ]
