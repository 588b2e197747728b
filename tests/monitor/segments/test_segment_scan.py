"""The scan holds its false alarms, finds what is wrong in one segment, and names it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from monitor.detection.evidence import SEGMENT_SHARE
from monitor.errors import InvalidInput
from monitor.profile.outcome import UNIT
from monitor.profile.segment_sums import CLASSIFICATION, ERRORS, Segment, residual_values
from monitor.profile.values import Floats
from monitor.segments import Residuals, Scan, ScanLaw, ScanState
from monitor.segments.learning import learn
from monitor.segments.threshold import episodes, learned, unlearned

SEGMENTS = tuple(Segment("a", value) for value in "qrstu") + tuple(Segment("b", value) for value in "vwxy")
ROWS = 800


def chunks(rng: np.random.Generator, count: int, *, bias=0.0, flip=0.0, spread=0.0, tilt=0.0) -> Residuals:
    """Chunks of rows in two features; a bias of all, flips in segment a=r, a common and a segment's own spread."""
    counts = np.zeros((count, 1 + len(SEGMENTS), len(CLASSIFICATION)), dtype=np.int64)
    for chunk in range(count):
        a, b = rng.choice(5, ROWS, p=[0.1, 0.1, 0.2, 0.3, 0.3]), rng.integers(0, 4, ROWS)
        p = rng.beta(1, 3, ROWS)
        true = np.clip(p + bias * (b == 2) + spread * rng.normal() + tilt * rng.normal(size=4)[b], 0, 1)
        y = (rng.random(ROWS) < true).astype(float)
        y = np.where((a == 1) & (rng.random(ROWS) < flip), 1 - y, y)
        values = residual_values(p, y)
        for place in (1 + a, 6 + b):
            np.add.at(counts[chunk], place, values.T)
    return Residuals.of_counts(SEGMENTS, CLASSIFICATION, counts)


def z_of(law: ScanLaw, read: Residuals, pooled: int = 1) -> Floats:
    """The z-scores of chunks, or of the last few of them taken together."""
    return law.z(law.apart(read).last(pooled))


@pytest.fixture(scope="module")
def calm() -> Residuals:
    return chunks(np.random.default_rng(0), 60)


def test_z_scores_of_calm_chunks_are_normal(calm: Residuals) -> None:
    z = z_of(learn(calm), chunks(np.random.default_rng(1), 600))
    assert z.shape == (600, 9, 2)
    for channel in (0, 1):
        sample = z[..., channel].ravel()
        assert np.mean(sample) == pytest.approx(0, abs=0.15)
        assert np.std(sample) == pytest.approx(1, abs=0.1)
        assert np.mean(np.abs(sample) > 3) < 0.006


def test_bias_that_a_segment_always_had_is_its_zero() -> None:
    rng = np.random.default_rng(2)
    past, later = chunks(rng, 60, bias=0.1), chunks(rng, 300, bias=0.1)
    z = z_of(learn(past), later)[:, 7, 0]
    assert abs(z.mean()) < 0.4
    assert z_of(learn(chunks(rng, 60)), later)[:, 7, 0].mean() > 2


def test_what_moves_all_rows_of_a_chunk_sets_no_segment_apart() -> None:
    rng = np.random.default_rng(3)
    law = learn(chunks(rng, 60, spread=0.1))
    assert law.common[0] == pytest.approx(0.01, rel=0.5)
    assert np.std(z_of(law, chunks(rng, 300, spread=0.1))[..., 0]) == pytest.approx(1, abs=0.15)


def test_what_a_segment_varies_by_from_chunk_to_chunk_is_part_of_its_noise() -> None:
    rng = np.random.default_rng(4)
    z = z_of(learn(chunks(rng, 60, tilt=0.08)), chunks(rng, 300, tilt=0.08))[:, 5:, 0]
    assert 0.8 < np.std(z) < 1.25


def test_false_alarms_are_as_many_as_asked(calm: Residuals) -> None:
    rng, false, count = np.random.default_rng(5), 0, 3_000
    scan = Scan.fit(calm, dial=4.0)
    later = chunks(rng, count)
    z, state = scan.read(later), ScanState()
    for at in range(count):
        state, hit = scan.advance(later, z, at, state)
        false += hit is not None and hit.new
    asked = 4.0 * SEGMENT_SHARE / 90 * count
    assert asked / 3 < false < stats.poisson.ppf(0.999, 1.25 * asked)


def test_flips_that_cancel_are_found_in_the_excess_and_named(calm: Residuals) -> None:
    rng, scan = np.random.default_rng(6), Scan.fit(calm)
    turned = chunks(rng, 3, flip=0.6)
    state, hit = scan.advance(turned, scan.read(turned), 2, ScanState())
    assert hit is not None
    assert hit.segment == Segment("a", "r")
    assert hit.new
    assert hit.reached >= 1
    assert state.open
    assert not scan.advance(turned, scan.read(turned), 2, state)[1].new


def test_an_incident_is_over_after_seven_calm_chunks() -> None:
    state = ScanState().next(hit=True)
    for _ in range(7):
        state = state.next(hit=False)
        assert state.open
    assert not state.next(hit=False).open


def test_small_segments_say_nothing(calm: Residuals) -> None:
    few = Residuals(calm.segments, calm.n / 100, calm.total / 100, calm.variance / 100, calm.third / 100)
    assert np.isnan(z_of(learn(calm), few)).all()


def test_a_segment_that_is_all_traffic_is_left_to_accuracy() -> None:
    rng = np.random.default_rng(9)
    made = chunks(rng, 40)
    alone = [at for at, each in enumerate(made.segments) if each.feature == "a"]
    made.n[:, alone[1:]], made.n[:, alone[0]] = 0.0, ROWS
    made.total[:, alone[1:]], made.total[:, alone[0]] = 0.0, made.total[:, alone].sum(axis=1)
    assert np.isnan(z_of(learn(made), made)[:, alone]).all()


def test_too_short_a_past_is_refused(calm: Residuals) -> None:
    with pytest.raises(InvalidInput, match="13 chunks with labels; a scan of segments needs at least 14"):
        Scan.fit(calm.take(slice(0, 13)))


def test_the_last_chunks_are_summed(calm: Residuals) -> None:
    apart = learn(calm).apart(calm)
    three = apart.last(3)
    assert three.n[0].tolist() == calm.n[0].tolist()
    assert three.total[10] == pytest.approx(apart.total[8:11].sum(axis=0))
    assert apart.last(100).n[-1].tolist() == calm.n.sum(axis=0).tolist()


def days(rng: np.random.Generator, count: int, segments: int, *, heavy: bool) -> Residuals:
    """Chunks in which segments are off by a day's own amount; the first has rows on one day of seven alone."""
    n = np.full((count, segments), 400.0)
    n[np.arange(count) % 7 != 0, 0] = 0
    own = rng.standard_t(4, (count, segments)) / np.sqrt(2) if heavy else rng.normal(size=(count, segments))
    p, own = 0.3, 0.1 * own
    y = rng.normal(n * own, np.sqrt(n * p * (1 - p)))
    lean = 1 - 2 * p
    total = np.stack([y, lean * y], axis=-1)
    variance = np.stack([n * p * (1 - p), n * p * (1 - p) * lean**2], axis=-1)
    names = tuple(Segment(f"f{at // 4}", f"v{at % 4}") for at in range(segments))
    return Residuals(names, n, total, variance, np.zeros_like(total))


def test_a_segment_with_rows_in_one_of_seven_chunks_is_not_averaged_over_seven() -> None:
    rng = np.random.default_rng(10)
    law, later = learn(days(rng, 140, 8, heavy=False)), days(rng, 700, 8, heavy=False)
    one, seven = z_of(law, later), z_of(law, later, 7)
    assert np.nanstd(one[:, 0, 0]) == pytest.approx(1, abs=0.25)
    assert np.nanstd(seven[:, 0, 0]) == pytest.approx(1, abs=0.25)  # as a mean of seven it would be 2.6
    assert np.nanstd(seven[:, 5, 0]) == pytest.approx(1, abs=0.25)


@pytest.mark.parametrize("heavy", [False, True])
def test_days_that_are_not_all_alike_are_no_alarm(heavy: bool) -> None:
    """Of segments' own days, normal or with heavy tails, no more are beyond the threshold than were asked for."""
    rng, hits, seen = np.random.default_rng(11), 0, 0
    for _ in range(6):
        scan, later = Scan.fit(days(rng, 90, 80, heavy=heavy), dial=4.0), days(rng, 300, 80, heavy=heavy)
        hits += int((np.nanmax(np.abs(scan.read(later)[:, 0]), axis=(1, 2)) >= scan.threshold).sum())
        seen += 300
    assert hits < stats.poisson.ppf(0.999, 4.0 * SEGMENT_SHARE / 90 * seen)


def test_a_segment_too_small_for_one_chunk_varies_from_chunk_to_chunk_too() -> None:
    rng = np.random.default_rng(12)
    past, later = days(rng, 90, 8, heavy=False), days(rng, 700, 8, heavy=False)
    for each in (past, later):
        for sums in (each.n, each.total, each.variance):
            assert sums is not None
            sums[:, 5] /= 400 / 15
        each.total[:, 5] = 15 * 0.3 * rng.normal(size=(len(each.n), 2))
    z = z_of(learn(past), later, 7)[:, 5]
    assert np.isnan(z_of(learn(past), later)[:, 5]).all()
    assert np.nanstd(z) < 1.4


def test_regressions_are_scanned_by_error_and_squared_error() -> None:
    rng = np.random.default_rng(7)

    def made(count: int, shift: float) -> Residuals:
        counts = np.zeros((count, 1 + 5, len(ERRORS)), dtype=np.int64)
        for chunk in range(count):
            a = rng.integers(0, 5, ROWS)
            e = np.clip(rng.standard_t(5, ROWS) / 4 + shift * (a == 3), -4, 4)
            values = np.stack([np.ones(ROWS), *(np.rint(e**power * UNIT) for power in (1, 2, 3, 4, 6))]).astype(int)
            np.add.at(counts[chunk], 1 + a, values.T)
        return Residuals.of_counts(SEGMENTS[:5], ERRORS, counts)

    scan = Scan.fit(made(60, 0.0))
    later = made(400, 0.0)
    assert np.std(scan.read(later)[:, 0, :, 0]) == pytest.approx(1, abs=0.12)
    shifted = made(3, 0.3)
    _, hit = scan.advance(shifted, scan.read(shifted), 2, ScanState())
    assert hit is not None
    assert (hit.segment, hit.channel) == (Segment("a", "t"), "residual")
    assert hit.effect == pytest.approx(0.3, abs=0.05)


def test_a_threshold_is_the_quantile_of_the_largest_where_tests_are_independent() -> None:
    standard = np.random.default_rng(8).normal(size=(400, 20))
    found = learned(standard, 2.0)
    assert found == pytest.approx(unlearned(20, 2.0), abs=0.35)
    assert learned(standard, 0.5) > found
    assert learned(np.repeat(standard[:, :1], 20, axis=1), 2.0) < found


def test_episodes_are_apart_by_more_than_seven() -> None:
    assert episodes(np.array([False] * 5)) == 0
    assert episodes(np.array([True] + [False] * 6 + [True])) == 1
    assert episodes(np.array([True] + [False] * 7 + [True])) == 2


def test_the_rest_of_a_feature_is_what_its_other_segments_add_up_to(calm: Residuals) -> None:
    """Whatever the order that segments are given in; and sums are the very same, as they are added one by one."""
    rng = np.random.default_rng(12)
    law, sums = learn(calm), rng.normal(size=(3, len(SEGMENTS), 2))
    for feature in (law.feature, rng.permutation(law.feature)):
        found = replace(law, feature=feature).rest(sums)
        for chunk, place, channel in np.ndindex(sums.shape):
            whole = sum(sums[chunk, other, channel] for other in np.flatnonzero(feature == feature[place]))
            assert found[chunk, place, channel] == whole - sums[chunk, place, channel]
