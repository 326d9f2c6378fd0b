"""Templates, what is learnt from people, splits, and how often people are told apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from python_transforms.ecg import identification, transform_batch
from python_transforms.ecg import template as template_module
from python_transforms.ecg.identification import (
    PROTOCOLS,
    Matches,
    Split,
    chronological,
    cross_fit,
    cross_session,
    describe,
    learn_normalisation,
    match,
    one_shot,
)
from python_transforms.ecg.identification_rates import rates
from python_transforms.ecg.template import TEMPLATE_SAMPLES, beat_templates
from synthetic.ecg_signal import draw_morphology, synthesize_run
from tests.support.ecg_signals import synthetic_ecg
from tests.support.hypothesis_profile import examples

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def template(rr_ms: float = 800.0, rate_hz: float = 500.0, factor: float = 1.0, **kwargs: float) -> FloatArray:
    ecg_mv, r_times = synthetic_ecg(np.full(200, rr_ms), rate_hz, noise_mv=0.005, **kwargs)
    return beat_template(factor * ecg_mv, np.rint(r_times * rate_hz).astype(np.int64), rate_hz)


def beat_template(ecg_mv: FloatArray, r_peak_index: IntArray, rate_hz: float) -> FloatArray:
    """The template of a single run."""
    return beat_templates([ecg_mv], [r_peak_index], rate_hz)[0]


def likeness(one: FloatArray, other: FloatArray) -> float:
    return float(np.corrcoef(one, other)[0, 1])


class TestTemplate:
    @pytest.mark.parametrize("rate_hz", [100.0, 128.0, 250.0, 360.0, 1000.0, 2000.0])
    def test_does_not_depend_on_the_sampling_rate(self, rate_hz: float) -> None:
        np.testing.assert_allclose(template(rate_hz=rate_hz), template(), atol=0.04)
        assert likeness(template(rate_hz=rate_hz), template()) > 0.998

    def test_is_the_same_upside_down(self) -> None:
        np.testing.assert_allclose(template(factor=-1), -template(), atol=1e-9)

    @pytest.mark.parametrize("moved", [-8, 5, 8])
    def test_does_not_depend_on_which_wave_was_called_r(self, moved: int) -> None:
        ecg_mv, r_times = synthetic_ecg(np.full(200, 800.0), 500.0, noise_mv=0.0)
        index = np.rint(r_times * 500).astype(np.int64)
        expected = beat_template(ecg_mv, index, 500.0)
        np.testing.assert_allclose(beat_template(ecg_mv, index + moved, 500.0), expected, atol=0.02)

    def test_takes_the_t_wave_to_sixty_beats_a_minute(self) -> None:
        """By the Framingham formula a T wave lies 154 ms later for each second of RR."""
        peaks = {}
        for rr_s in (0.7, 1.0, 1.3):
            ecg_mv = np.zeros(10_000)
            time = np.arange(10_000) / 500
            r_times = np.arange(0.6, 18.5, rr_s)
            for r_time in r_times:
                ecg_mv += np.exp(-0.5 * ((time - r_time) / 0.01) ** 2)
                # QT end 0.40 s at 1 s; the peak shares in the stretch from 80 ms on
                peak = 0.08 + (0.30 - 0.08) * (0.32 - 0.154 * (1 - rr_s)) / 0.32
                ecg_mv += 0.3 * np.exp(-0.5 * ((time - r_time - peak) / 0.03) ** 2)
            made = beat_template(ecg_mv, np.rint(r_times * 500).astype(np.int64), 500.0)
            begin = 31 + round(0.15 * 125)
            peaks[rr_s] = begin + int(made[begin:].argmax()) - 31
        assert max(peaks.values()) - min(peaks.values()) <= 1
        assert peaks[1.0] / 125 == pytest.approx(0.30, abs=1 / 125)

    def test_leaves_out_beats_that_are_unlike_the_others(self) -> None:
        ecg_mv, r_times = synthetic_ecg(np.full(200, 800.0), 500.0, noise_mv=0.0)
        index = np.rint(r_times * 500).astype(np.int64)
        clean = beat_template(ecg_mv, index, 500.0)
        for at in index[3:8]:
            ecg_mv[at - 100 : at + 200] += 5 * np.sin(np.arange(300) / 7)
        np.testing.assert_allclose(beat_template(ecg_mv, index, 500.0), clean, atol=1e-6)

    def test_bounds_its_work_on_long_recordings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cut: list[int] = []
        original = template_module._cut
        monkeypatch.setattr(template_module, "_cut", lambda *args: (cut.append(len(args[1])), original(*args))[1])
        template(seconds=150.0)
        assert 150 < cut.pop() < 200
        ecg_mv, r_times = synthetic_ecg(np.full(800, 400.0), 100.0, seconds=300.0)
        beat_template(ecg_mv, np.rint(r_times * 100).astype(np.int64), 100.0)
        assert cut == [template_module.MAX_BEATS]

    def test_each_run_has_the_template_that_it_has_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of any length, with any number of beats, and however many are worked on at once."""
        runs = [
            synthetic_ecg(np.full(200, rr_ms), 250.0, seconds=seconds, seed=at)
            for at, (rr_ms, seconds) in enumerate([(800, 20), (800, 20), (600, 30), (800, 20), (700, 2), (500, 20)])
        ]
        signals = [ecg_mv for ecg_mv, _ in runs]
        indices = [np.rint(r_times * 250).astype(np.int64) for _, r_times in runs]
        alone = [beat_template(*run, 250.0) for run in zip(signals, indices, strict=True)]
        assert np.isfinite(alone).all(axis=1).tolist() == [True, True, True, True, False, True]
        monkeypatch.setattr(template_module, "BEATS_AT_ONCE", 50)
        np.testing.assert_array_equal(beat_templates(signals, indices, 250.0), alone)

    @pytest.mark.parametrize("beats", [0, 1, 2])
    def test_needs_three_whole_beats(self, beats: int) -> None:
        ecg_mv, r_times = synthetic_ecg(np.full(200, 800.0), 500.0)
        index = np.rint(r_times * 500).astype(np.int64)
        assert np.isnan(beat_template(ecg_mv, index[1 : 1 + beats], 500.0)).all()
        assert np.isfinite(beat_template(ecg_mv, index[1:4], 500.0)).all()

    def test_is_unknown_without_a_signal(self) -> None:
        assert np.isnan(beat_template(np.zeros(0), np.zeros(0, np.int64), 500.0)).all()
        assert np.isnan(beat_template(np.zeros(5000), np.arange(500, 4500, 400), 500.0)).all()

    def test_has_the_shape_that_is_promised(self) -> None:
        assert template().shape == (TEMPLATE_SAMPLES,)
        assert describe(np.zeros((3, TEMPLATE_SAMPLES))).shape == (3, 2 * TEMPLATE_SAMPLES)


def made_up_people(n_people: int, n_runs: int, seed: int) -> tuple[FloatArray, IntArray]:
    """Templates of people who are all different, and whose they are."""
    rng = np.random.default_rng(seed)
    own = rng.normal(0, 0.3, (n_people, TEMPLATE_SAMPLES))
    subject = np.repeat(np.arange(n_people), n_runs)
    return own[subject] + rng.normal(0, 0.2, (len(subject), TEMPLATE_SAMPLES)), subject


class TestNormalisation:
    def test_makes_the_scatter_within_people_a_sphere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(identification, "SHRINKAGE", 0.0)
        # slopes alone have no full rank: one pattern has none
        monkeypatch.setattr(identification, "describe", lambda templates: templates)
        templates, subject = made_up_people(200, 4, seed=1)
        learnt = learn_normalisation(templates, subject)
        mapped = (templates - learnt.mean) @ learnt.whitening
        own = mapped - np.repeat(mapped.reshape(200, 4, -1).mean(axis=1), 4, axis=0)
        np.testing.assert_allclose(own.T @ own / (200 * 3), np.eye(mapped.shape[1]), atol=1e-9)

    def test_counts_every_person_alike(self) -> None:
        templates, subject = made_up_people(6, 3, seed=2)
        once = learn_normalisation(templates, subject)
        often = subject == 0
        again = learn_normalisation(
            np.concatenate([templates, *[templates[often]] * 5]), np.concatenate([subject, *[subject[often]] * 5])
        )
        np.testing.assert_allclose(again.mean, once.mean, atol=1e-12)
        # all but that person's n - 1 stays as it was
        assert np.abs(again.whitening - once.whitening).max() < 0.1 * np.abs(once.whitening).max()

    def test_gives_unit_vectors_and_no_preference_without_repeated_runs(self) -> None:
        templates, subject = made_up_people(5, 1, seed=3)
        learnt = learn_normalisation(templates, subject)
        np.testing.assert_array_equal(learnt.whitening, np.eye(2 * TEMPLATE_SAMPLES))
        np.testing.assert_allclose(np.linalg.norm(learnt.embed(templates), axis=1), 1)

    def test_refuses_to_learn_from_nobody(self) -> None:
        with pytest.raises(ValueError, match="no run to learn from"):
            learn_normalisation(np.zeros((0, TEMPLATE_SAMPLES)), np.zeros(0, np.int64))


runs = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 3)), min_size=1, max_size=40).map(
    lambda drawn: (
        np.array([subject for subject, _ in drawn]),
        np.array([day for _, day in drawn]),
        np.arange(len(drawn)),
    )
)


class TestSplit:
    @settings(max_examples=examples(60), deadline=None)
    @given(runs)
    def test_no_run_is_on_both_sides_and_everybody_is_enrolled(
        self, drawn: tuple[IntArray, IntArray, IntArray]
    ) -> None:
        subject, day, number = drawn
        for protocol in PROTOCOLS.values():
            split = protocol(subject, day, number)
            assert not (split.is_enrolled & split.is_probe).any()
            assert set(subject[split.is_enrolled]) == set(subject)
            for person in set(subject):
                own = subject == person
                enrolled, probe = own & split.is_enrolled, own & split.is_probe
                if probe.any():
                    last, first = (
                        max(zip(day[enrolled], number[enrolled], strict=True)),
                        min(zip(day[probe], number[probe], strict=True)),
                    )
                    assert last < first

    @settings(max_examples=examples(60), deadline=None)
    @given(runs, st.randoms(use_true_random=False))
    def test_the_order_of_the_rows_does_not_matter(
        self, drawn: tuple[IntArray, IntArray, IntArray], random: object
    ) -> None:
        order = np.array(sorted(range(len(drawn[0])), key=lambda _: random.random()))  # type: ignore[attr-defined]
        for protocol in PROTOCOLS.values():
            split = protocol(*drawn)
            shuffled = protocol(*(part[order] for part in drawn))
            np.testing.assert_array_equal(shuffled.is_enrolled, split.is_enrolled[order])
            np.testing.assert_array_equal(shuffled.is_probe, split.is_probe[order])

    def test_chronological_enrols_sixty_percent(self) -> None:
        """So many runs as ECG-ID's first forty people have: 98 of 163."""
        counts = [20, 22, 5, 2, 2, 2, 2, 2, 7, 5, 3, 2, 2, 3, 2, 3, 2, 2, 2, 2]
        counts += [3, 2, 2, 5, 5, 4, 3, 5, 2, 5, 2, 6, 2, 5, 5, 5, 2, 2, 2, 4]
        subject = np.repeat(np.arange(40), counts)
        split = chronological(subject, np.zeros(163, int), np.arange(163))
        assert (split.is_enrolled.sum(), split.is_probe.sum()) == (98, 65)
        enrolled = np.bincount(subject[split.is_enrolled])
        assert (enrolled[0], enrolled[1], enrolled[2], enrolled[3]) == (12, 14, 3, 1)

    def test_chronological_takes_what_is_missing_where_most_was_cut(self) -> None:
        # 60 % of ten runs are six; rounded down 1 + 1 + 2 are four; 0.8 was cut from the first and 0.4 from the last
        subject = np.repeat([1, 2, 3], [3, 3, 4])
        split = chronological(subject, np.zeros(10, int), np.arange(10))
        np.testing.assert_array_equal(np.bincount(subject[split.is_enrolled])[1:], [2, 2, 2])

    def test_cross_session_asks_later_dates_only(self) -> None:
        split = cross_session(np.array([1, 1, 1, 2, 2]), np.array([5, 5, 9, 7, 7]), np.array([2, 1, 3, 1, 2]))
        np.testing.assert_array_equal(split.is_enrolled, [True, True, False, True, True])
        np.testing.assert_array_equal(split.is_probe, [False, False, True, False, False])

    def test_one_shot_enrols_the_first_run(self) -> None:
        split = one_shot(np.array([1, 1, 1, 2]), np.array([9, 5, 5, 7]), np.array([1, 3, 2, 1]))
        np.testing.assert_array_equal(split.is_enrolled, [False, False, True, True])


class TestMatch:
    def test_learns_nothing_from_those_who_are_asked_together(self) -> None:
        """Whatever the other runs of the probes' group's people look like, the enrolled ones aside, scores stay."""
        templates, subject = made_up_people(6, 4, seed=4)
        split = one_shot(subject, np.zeros(24, int), np.arange(24))
        before = match(templates, subject, split, cross_fit(templates, subject, folds=3))
        # people 0 and 3 are in one group; of person 0 all but the enrolled and the first probe change
        changed = templates.copy()
        changed[2:4] = 100.0
        changed[13:16] = -50.0
        after = match(changed, subject, split, cross_fit(changed, subject, folds=3))
        np.testing.assert_array_equal(after.score[before.probe == 1], before.score[before.probe == 1])
        # everybody else's normalisation was learnt from them too
        assert (after.score[before.probe == 5] != before.score[before.probe == 5]).any()

    def test_finds_people_who_are_different(self) -> None:
        templates, subject = made_up_people(8, 4, seed=5)
        fit = cross_fit(templates, subject)
        for protocol in PROTOCOLS.values():
            split = protocol(subject, np.tile([0, 0, 1, 1], 8), np.tile(np.arange(4), 8))
            found = match(templates, subject + 100, split, fit)
            assert (found.rank == 1).all()
            np.testing.assert_array_equal(found.gallery, np.arange(100, 108))
            np.testing.assert_array_equal(found.gallery[found.true], subject[found.probe] + 100)
            np.testing.assert_array_equal(found.best(2)[:, 0], found.true)

    def test_one_person_is_not_enough_to_learn_from(self) -> None:
        templates, subject = made_up_people(1, 4, seed=6)
        with pytest.raises(ValueError, match="not two people"):
            cross_fit(templates, subject)

    def test_no_group_is_learnt_from_itself(self) -> None:
        templates, subject = made_up_people(7, 2, seed=6)
        fit = cross_fit(templates, subject, folds=3)
        assert len(fit.learnt) == 3
        for group, learnt in enumerate(fit.learnt):
            others = fit.group != group
            expected = learn_normalisation(templates[others], subject[others])
            np.testing.assert_array_equal(learnt.whitening, expected.whitening)
            assert set(subject[others]).isdisjoint(subject[~others])

    def test_where_nobody_is_probe_there_are_no_rates(self) -> None:
        templates, subject = made_up_people(3, 1, seed=6)
        split = one_shot(subject, np.zeros(3, int), np.arange(3))
        summary = rates(match(templates, subject, split, cross_fit(templates, subject)))
        assert summary.probe_count == 0
        assert np.isnan(summary.rank1)

    def test_asks_only_people_who_are_enrolled(self) -> None:
        templates, subject = made_up_people(3, 2, seed=7)
        split = Split(np.array([True, False] * 2 + [False] * 2), np.array([False, True] * 3))
        found = match(templates, subject, split, cross_fit(templates, subject))
        np.testing.assert_array_equal(found.probe, [1, 3])
        np.testing.assert_array_equal(found.gallery, [0, 1])


def matches(score: FloatArray, true: list[int]) -> Matches:
    return Matches(np.arange(len(true)), np.arange(score.shape[1]), np.array(true), score.astype(np.float32))


class TestRates:
    def test_ranks_count_from_one_and_a_tie_does_not_help(self) -> None:
        found = matches(np.array([[0.9, 0.1, 0.2], [0.5, 0.4, 0.45], [0.3, 0.3, 0.1]]), [0, 1, 1])
        np.testing.assert_array_equal(found.rank, [1, 3, 2])
        summary = rates(found)
        assert summary.rank1 == pytest.approx(100 / 3)
        assert summary.rank5 == 100

    def test_scores_that_part_have_no_error(self) -> None:
        assert rates(matches(np.array([[0.9, 0.1], [0.2, 0.8]]), [0, 1])).eer == 0

    def test_scores_that_are_swapped_are_all_wrong(self) -> None:
        assert rates(matches(np.array([[0.1, 0.9], [0.8, 0.2]]), [0, 1])).eer == 100

    def test_equal_error_rate_of_known_scores(self) -> None:
        """At a threshold between 0.4 and 0.5 one of four genuine and one of four false claims is judged wrong."""
        score = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.5], [0.3, 0.4]])
        assert rates(matches(score, [0, 1, 0, 1])).eer == 25

    @settings(max_examples=examples(8), deadline=None)
    @given(npst.arrays(np.float64, (12, 4), elements=st.floats(-1, 1, width=32)))
    def test_intervals_hold_their_rate_and_stay_the_same(self, score: FloatArray) -> None:
        found = matches(score, [0, 1, 2, 3] * 3)
        summary = rates(found)
        assert summary == rates(found)
        for low, high in (summary.rank1_interval, summary.rank5_interval, summary.eer_interval):
            assert 0 <= low <= high <= 100
        assert summary.rank1_interval[0] <= summary.rank1 <= summary.rank1_interval[1]


def test_made_up_people_are_told_apart_by_their_beats() -> None:
    """The generator's people have beats of their own: from one run, the other is found among sixteen."""
    n_people = 16
    signals = []
    for number in range(n_people):
        rng = np.random.default_rng([7, number])
        person = draw_morphology(rng)
        signals += [synthesize_run(rng, person, 5_000, 250.0)[0] for _ in range(2)]
    batch = transform_batch(np.array(signals), 250.0)
    templates = beat_templates(batch.filtered_mv, batch.r_peak_index, 250.0)
    subject = np.repeat(np.arange(n_people), 2)
    split = one_shot(subject, np.zeros(2 * n_people, int), np.arange(2 * n_people))
    assert rates(match(templates, subject, split, cross_fit(templates, subject))).rank1 >= 90
