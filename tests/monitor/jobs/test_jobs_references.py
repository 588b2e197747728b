"""References are kept as what they come to; what was counted in other bins says that it does not compare."""

from dataclasses import replace

import pytest
from wg_world import World

from monitor.errors import Unavailable
from monitor.jobs.cells import NOT_COMPARABLE
from monitor.jobs.chunks import chunks, columns_of
from monitor.jobs.drift import DriftJob
from monitor.jobs.references import References
from monitor.types import Status


@pytest.fixture
def world() -> World:
    made = World()
    made.day(0)
    return made


def measured(world: World) -> list:
    context = replace(world.context, references=References())  # as in a fresh process
    return DriftJob().run(context, world.model, world.window(0))


def test_a_fresh_process_measures_the_same_without_reading_the_references_hours(world: World) -> None:
    first = measured(world)
    assert world.store.database.integer("SELECT count(*) FROM reference_wholes") > 0
    world.store.database.query("UPDATE reference_profiles SET counts = []")
    assert measured(world) == first


def test_a_reference_that_is_replaced_is_read_anew(world: World) -> None:
    first = measured(world)
    pieces = world.store.profiles.reference("flights", "1", segment=None)
    world.store.profiles.replace_reference("flights", "1", pieces.slice(0, len(pieces) // 2))
    assert world.store.database.integer("SELECT count(*) FROM reference_wholes") == 0
    assert measured(world) != first


def test_a_reference_that_could_not_be_read_is_read_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the store loses its connection in the midst: the next run is as if that had not been."""
    references = References()
    context = replace(world.context, references=references)
    with monkeypatch.context() as broken:
        broken.setattr(References, "_all", lambda *_: (_ for _ in ()).throw(Unavailable("the store is being reopened")))
        with pytest.raises(Unavailable):
            DriftJob().run(context, world.model, world.window(0))
    assert DriftJob().run(context, world.model, world.window(0)) == measured(world)


def test_other_windows_have_other_bounds(world: World) -> None:
    measured(world)
    before = world.store.database.scalar("SELECT max(basis) FROM reference_wholes")
    world.model = replace(world.model, settings=replace(world.model.settings, window_hours=12))
    measured(world)
    assert world.store.database.scalar("SELECT max(basis) FROM reference_wholes") != before


def test_what_was_counted_in_earlier_bins_says_so(world: World) -> None:
    binning = world.store.catalog.binning("flights")
    assert binning is not None
    world.store.catalog.put_binning("flights", replace(binning, id="other"))
    found = measured(world)
    assert found
    assert {each.status for each in found} == {Status.INSUFFICIENT}
    assert {each.details["reason"] for each in found} == {NOT_COMPARABLE}


def test_many_columns_are_read_together_and_give_what_each_gives_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store looks at all of a reference whenever it is asked for a part: once a column costs the square of them."""
    asked, real = [], world.store.profiles.reference

    def counted(*given: object, **more: object) -> object:
        asked.append(more["columns"])
        return real(*given, **more)

    monkeypatch.setattr(world.store.profiles, "reference", counted)
    together = measured(world)
    assert len(asked) == 1
    world.store.database.query("DELETE FROM reference_wholes")
    monkeypatch.setattr("monitor.jobs.references.TOGETHER", 1)
    assert measured(world) == together
    assert len(asked) > 5


def test_a_column_that_cannot_be_read_takes_no_other_with_it(world: World) -> None:
    world.store.database.query("UPDATE reference_profiles SET counts = [1] WHERE \"column\" = 'temp'")
    found = measured(world)
    assert {each.feature for each in found if each.feature and each.value is not None} >= {"visib", "origin"}
    assert all(each.value is None for each in found if each.feature == "temp")


def test_a_column_that_cannot_be_read_is_left_out_of_chunks_and_said(world: World) -> None:
    world.store.database.query("UPDATE reference_profiles SET counts = [1] WHERE \"column\" = 'temp'")
    binning = world.store.catalog.binning("flights")
    assert binning is not None
    watched = columns_of(world.model, binning)
    pieces = world.store.profiles.reference("flights", "1", columns=watched)
    found, broken = chunks(pieces, binning, world.model)
    assert list(broken) == ["temp"]
    assert len(found["1"]) == 20
    assert all("visib" in each.profiles and "temp" not in each.profiles for each in found["1"])
