"""Variance within people and between them."""

import numpy as np
import pytest

from python_transforms.ecg.variability import heart_rate_effect, intraclass_correlation, later_days, same_day

# Shrout and Fleiss (1979), table 2: six targets, four judges.
RATINGS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def test_the_published_example_comes_out() -> None:
    """Shrout and Fleiss: ICC(1,1) = 0.17; the interval is (-0.133, 0.723) in psych's ICC for the same data."""
    found = intraclass_correlation(RATINGS.ravel(), np.repeat(np.arange(6), 4))
    assert found.icc == pytest.approx(0.17, abs=0.005)
    assert (found.icc_low, found.icc_high) == (pytest.approx(-0.133, abs=0.001), pytest.approx(0.723, abs=0.001))
    # mean squares 11.24 and 6.26
    assert found.within_variance == pytest.approx(6.26, abs=0.01)
    assert found.between_variance == pytest.approx((11.24 - 6.26) / 4, abs=0.01)
    assert (found.subject_count, found.run_count) == (6, 24)


def test_variances_of_unequal_groups_are_those_they_were_drawn_with() -> None:
    rng = np.random.default_rng(0)
    count = rng.integers(1, 9, 3000)
    subject = np.repeat(np.arange(3000), count)
    value = rng.normal(0, 2.0, 3000)[subject] + rng.normal(50, 1.0, len(subject))
    found = intraclass_correlation(value, subject)
    assert found.between_variance == pytest.approx(4.0, rel=0.05)
    assert found.within_variance == pytest.approx(1.0, rel=0.05)
    assert found.icc == pytest.approx(0.8, abs=0.02)
    assert found.icc_low < 0.8 < found.icc_high


def test_the_interval_holds_the_true_value_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    subject = np.repeat(np.arange(12), 3)
    held = 0
    for _ in range(1000):
        value = rng.normal(0, 1.0, 12)[subject] + rng.normal(0, 1.0, 36)
        found = intraclass_correlation(value, subject)
        held += found.icc_low <= 0.5 <= found.icc_high
    # 95 % of 1,000, give or take four standard errors
    assert 922 <= held <= 978


@pytest.mark.parametrize(
    ("value", "subject"),
    [
        ([], []),
        ([1.0, 2.0], [1, 1]),
        ([1.0, 2.0], [1, 2]),
        ([0.1, 0.1, 0.1, 0.1], [1, 1, 2, 2]),
        ([float("nan")] * 4, [1, 1, 2, 2]),
    ],
    ids=["nothing", "one person", "one value each", "nothing varies", "unknown"],
)
def test_says_nothing_where_nothing_can_be_known(value: list[float], subject: list[int]) -> None:
    found = intraclass_correlation(np.array(value), np.array(subject, int))
    assert np.isnan([found.icc, found.icc_low, found.icc_high]).all()


def test_people_who_never_vary_agree_wholly() -> None:
    found = intraclass_correlation(np.array([0.1, 0.1, 0.3, 0.3, np.nan]), np.array([1, 1, 2, 2, 2]))
    assert (found.icc, found.icc_low, found.icc_high, found.within_variance) == (1, 1, 1, 0)


def test_runs_of_one_day_and_of_several_days() -> None:
    subject = np.array([1, 1, 1, 1, 2, 2, 3, 4, 4])
    day = np.array([5, 6, 6, 6, 8, 8, 9, 2, 3])
    number = np.array([1, 4, 3, 2, 1, 2, 1, 2, 1])
    np.testing.assert_array_equal(np.flatnonzero(same_day(subject, day)), [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(np.flatnonzero(later_days(subject, day, number)), [0, 3, 7, 8])
    nothing = np.zeros(0, int)
    assert same_day(nothing, nothing).shape == later_days(nothing, nothing, nothing).shape == (0,)


def test_the_heart_rate_s_share_is_found_and_taken_out() -> None:
    rng = np.random.default_rng(2)
    subject = np.repeat(np.arange(40), 5)
    rate = rng.normal(70, 10, 40)[subject] + rng.normal(0, 5, 200)
    own = rng.normal(400, 20, 40)[subject]
    found = heart_rate_effect(own - 1.5 * rate, rate, subject)
    assert found.slope == pytest.approx(-1.5)
    assert found.correlation == pytest.approx(-1)
    np.testing.assert_allclose(found.residual, own - 1.5 * rate.mean())


def test_a_rate_that_never_changes_has_no_effect_that_could_be_seen() -> None:
    found = heart_rate_effect(np.array([1.0, 2.0, 3.0]), np.full(3, 60.0), np.array([1, 1, 2]))
    assert np.isnan(found.slope)
    assert np.isnan(found.residual).all()
    unknown = heart_rate_effect(np.array([np.nan]), np.array([60.0]), np.array([1]))
    assert np.isnan(unknown.residual).all()
