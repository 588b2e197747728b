"""Bodies in flight are bounded over all requests; the rest waits a moment, then is told to come again."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from monitor.api import intake as module
from monitor.api.intake import LARGE, MOST_WAITING, OVERHEAD, Intake, Place
from monitor.errors import Overloaded

PATIENCE = 0.05


class Unhurried(Intake):
    """One whose loop is never found busy, whatever else the machine does."""

    def _round_seconds(self) -> float:
        return 0.0


def run(
    test: Callable[[Intake], Awaitable[None]],
    max_bytes: int = 10 * OVERHEAD,
    patience: float = PATIENCE,
    kind: type[Intake] = Unhurried,
) -> list[str]:
    refused: list[str] = []
    intake = kind(max_bytes, refused.append, patience)

    async def main() -> None:
        await test(intake)

    asyncio.run(main())
    assert (intake.bytes, intake.waiting) == (0, 0), "everything is given back"
    return refused


def test_what_does_not_fit_waits_and_is_then_refused_and_counted() -> None:
    async def test(intake: Intake) -> None:
        with await intake.admit(9 * OVERHEAD, "m"), pytest.raises(Overloaded, match="again"):
            await intake.admit(1, "m")
        with await intake.admit(1, "m"):
            pass

    assert run(test) == ["m"]


def test_who_waits_goes_on_in_order_as_soon_as_there_is_room() -> None:
    order: list[str] = []

    async def later(intake: Intake, name: str, size: int) -> None:
        with await intake.admit(size, name):
            order.append(name)
            await asyncio.sleep(0)

    async def test(intake: Intake) -> None:
        with await intake.admit(9 * OVERHEAD):
            sizes = {"a": 8 * OVERHEAD, "b": 0, "c": 0}
            tasks = [asyncio.create_task(later(intake, name, size)) for name, size in sizes.items()]
            await asyncio.sleep(0)
            assert intake.waiting == 3
        await asyncio.gather(*tasks)

    assert run(test, patience=100) == []
    assert order == ["a", "b", "c"]


def test_a_body_larger_than_everything_is_taken_alone() -> None:
    async def test(intake: Intake) -> None:
        with await intake.admit(100 * OVERHEAD):
            pass

    assert run(test) == []


def test_a_body_that_grows_beyond_what_it_said_needs_room_too() -> None:
    async def test(intake: Intake) -> None:
        with await intake.admit(10) as place:
            place.use(10)
            place.use(5 * OVERHEAD)
            with pytest.raises(Overloaded):
                place.use(5 * OVERHEAD)

    assert run(test) == [""]


def test_only_so_many_wait() -> None:
    async def test(intake: Intake) -> None:
        with await intake.admit(9 * OVERHEAD):
            tasks = [asyncio.create_task(intake.admit(1)) for _ in range(MOST_WAITING)]
            await asyncio.sleep(0)
            with pytest.raises(Overloaded):
                await intake.admit(1)
            assert all(isinstance(each, Overloaded) for each in await asyncio.gather(*tasks, return_exceptions=True))

    assert len(run(test)) == MOST_WAITING + 1


def test_a_request_given_up_while_it_waits_leaves_no_trace() -> None:
    async def test(intake: Intake) -> None:
        with await intake.admit(9 * OVERHEAD):
            task = asyncio.create_task(intake.admit(1))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    assert run(test, patience=100) == []


def test_no_more_are_taken_on_while_many_have_waited_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOW_SECONDS", -1.0)

    async def test(intake: Intake) -> None:
        places = []
        for _ in range(module.MANY):
            place = await intake.admit(0)
            place.complete()
            places.append(place)
        with pytest.raises(Overloaded):
            await intake.admit(0)
        with places.pop(0):
            pass
        with await intake.admit(0):
            pass
        for place in places:
            with place:
                pass

    assert run(test, max_bytes=100 * OVERHEAD) == [""]


def test_a_loop_that_is_busy_for_long_refuses_what_was_ready_beside() -> None:
    async def one(intake: Intake) -> None:
        with await intake.admit(0):
            pass

    async def test(intake: Intake) -> None:
        found = await asyncio.gather(*(one(intake) for _ in range(3)), return_exceptions=True)
        assert [isinstance(each, Overloaded) for each in found] == [False, True, True]
        await one(intake)

    assert len(run(test, patience=0.0, kind=Intake)) == 2


async def crowded(intake: Intake, size: int) -> tuple[list[Place], "asyncio.Task[Place]"]:
    """Return four large bodies that fill the room, and one behind them of ``size`` that is half a turn nearer."""
    places = [await intake.admit(LARGE - OVERHEAD) for _ in range(4)]
    behind = asyncio.create_task(intake.admit(size))
    await asyncio.sleep(0)
    assert intake.waiting == 1
    places.pop().leave()
    assert intake.waiting == 1, "it needs more room than one leaves"
    return places, behind


def test_a_large_body_waits_on_while_those_before_it_are_answered() -> None:
    async def test(intake: Intake) -> None:
        places, behind = await crowded(intake, 3 * LARGE)
        done, _ = await asyncio.wait([behind], timeout=4 * PATIENCE)
        assert not done, "its turn comes"
        for place in places:
            place.leave()
        (await behind).leave()

    assert run(test, 4 * LARGE) == []


def test_a_large_body_is_refused_when_its_turn_would_come_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", 2 * PATIENCE)  # two of four must still leave: that takes 3 patiences

    async def test(intake: Intake) -> None:
        places, behind = await crowded(intake, 3 * LARGE - OVERHEAD)
        with pytest.raises(Overloaded):
            await behind
        for place in places:
            place.leave()

    assert run(test, 4 * LARGE) == [""]


def test_a_large_body_is_refused_while_nothing_is_answered() -> None:
    async def test(intake: Intake) -> None:
        place = await intake.admit(3 * LARGE)
        with pytest.raises(Overloaded):
            await intake.admit(2 * LARGE)
        place.leave()

    assert run(test, 4 * LARGE) == [""]


def test_a_small_body_is_told_to_come_again_even_while_others_are_answered() -> None:
    async def test(intake: Intake) -> None:
        places = [await intake.admit(LARGE - OVERHEAD) for _ in range(4)]
        first, small = (asyncio.create_task(intake.admit(size)) for size in (3 * LARGE, 1))
        await asyncio.sleep(0)
        places.pop().leave()
        with pytest.raises(Overloaded):
            await small
        for place in places:
            place.leave()
        (await first).leave()

    assert run(test, 4 * LARGE) == [""]
