"""The generated ECG deliveries are what they say they are: the real format, its quirks, hard cases and bad input."""

import hashlib
import itertools
import json
import re
from collections import Counter
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from synthetic.ecg import BAD_INPUTS, synthesize_runs, write_bad_inputs, write_deliveries

# 16 subjects: those of the second delivery's cases, and one at least of nearly every quirk.
SMALL = 0.2
RUN_COUNT_AT_SMALL = 51
FIRST, SECOND, BAD = "2020-01-01", "2020-12-01", "2021-01-01-bad-input"


@pytest.fixture(scope="module")
def deliveries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    incoming = tmp_path_factory.mktemp("small") / "incoming"
    write_deliveries(incoming, scale=SMALL)
    return incoming / "clinic=sf_state" / "measurement=ecg"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    incoming = tmp_path_factory.mktemp("whole") / "incoming"
    write_deliveries(incoming)
    return incoming / "clinic=sf_state" / "measurement=ecg"


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    return write_bad_inputs(tmp_path_factory.mktemp("bad") / "incoming")


def contents(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def headers(delivery: Path) -> dict[tuple[int, int], dict[str, object]]:
    found = {}
    for path in delivery.rglob("*_header.json"):
        key = re.fullmatch(r"subject_(\d+)/run_(\d+)_header\.json", str(path.relative_to(delivery)))
        assert key, path
        found[int(key[1]), int(key[2])] = json.loads(path.read_text())
    return found


def recorded_on(header: dict[str, object]) -> date:
    text = str(header["date"])
    return date.fromisoformat(text) if "-" in text else datetime.strptime(text, "%d.%m.%Y").date()


def samples(path: Path) -> list[str]:
    title, *values, last = path.read_text().split("\n")
    assert (title, last) == ("ecg_raw", "")
    return values


def test_scale_1_has_the_real_numbers_of_subjects_and_runs(whole: Path) -> None:
    first, second = headers(whole / FIRST), headers(whole / SECOND)
    assert (len({subject for subject, _ in first}), len(first)) == (80, 288)
    assert sorted(second) == [(1, 3), (2, 1), (2, 99), (81, 1), (81, 2), (82, 1)]
    signals = {str(path.relative_to(whole)) for path in whole.rglob("*.csv")}
    assert signals == {str(path.relative_to(whole)).replace("_header.json", ".csv") for path in whole.rglob("*.json")}


def test_same_seed_same_bytes_and_another_seed_other_signals(deliveries: Path, tmp_path: Path) -> None:
    same, other = tmp_path / "same", tmp_path / "other"
    write_deliveries(same, scale=SMALL)
    write_deliveries(other, scale=SMALL, seed=1)
    assert contents(same / "clinic=sf_state" / "measurement=ecg") == contents(deliveries)
    there = contents(other / "clinic=sf_state" / "measurement=ecg")
    assert there.keys() == contents(deliveries).keys()
    assert not {
        name for name, digest in contents(deliveries).items() if name.endswith(".csv") and there[name] == digest
    }


def test_first_delivery_of_a_smaller_scale_is_the_beginning_of_a_larger_ones(deliveries: Path, whole: Path) -> None:
    assert contents(deliveries / FIRST).items() <= contents(whole / FIRST).items()
    assert len(contents(deliveries / FIRST)) == 2 * RUN_COUNT_AT_SMALL


def test_smallest_scale_still_has_the_second_deliverys_cases(tmp_path: Path) -> None:
    _, second = write_deliveries(tmp_path, scale=0.001)
    assert sorted(headers(second)) == [(1, 3), (2, 1), (2, 99), (4, 1), (4, 2), (5, 1)]


def test_writing_again_changes_no_file(tmp_path: Path) -> None:
    write_deliveries(tmp_path, scale=0.01)
    write_bad_inputs(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    write_deliveries(tmp_path, scale=0.01)
    write_bad_inputs(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert not [path for path in before if path.name.startswith(".")]


def test_a_delivery_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    write_deliveries(tmp_path, scale=0.01)
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match=r"subject_01/run_1\.csv is already there with other content"):
        write_deliveries(tmp_path, scale=0.01, seed=1)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "arguments",
    [{"scale": 0}, {"scale": -1.0}, {"scale": float("nan")}, {"seed": -1}, {"clinic": "../x"}, {"clinic": ""}],
)
def test_impossible_arguments_are_refused_before_anything_is_written(
    tmp_path: Path, arguments: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"scale|seed|clinic"):
        write_deliveries(tmp_path, **arguments)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_signals_are_written_as_the_real_ones_are(whole: Path) -> None:
    units = headers(whole / FIRST)
    for path in (whole / FIRST).rglob("*.csv"):
        values = samples(path)
        assert len(values) == 10_000
        key = int(path.parent.name[8:]), int(path.stem[4:])
        step = 5 if units[key]["units"] == "uV" else 0.005
        assert all(text == repr(float(text)) for text in set(values))
        steps = np.array(values, dtype=float) / step
        assert np.abs(steps - np.rint(steps)).max() < 1e-6
        assert np.ptp(steps) * 0.005 > 0.3


def test_most_headers_are_the_real_ones_text_and_the_rest_has_the_known_quirks(whole: Path) -> None:
    plain = re.compile(
        r'\{"fs": 500, "units": "mV", "date": "\d\d\.\d\d\.\d{4}", "age": "\d\d", "sex": "(female|male)"\}'
    )
    texts = [path.read_text() for path in (whole / FIRST).rglob("*_header.json")]
    assert sum(bool(plain.fullmatch(text)) for text in texts) > len(texts) / 2
    found = [json.loads(text) for text in texts]
    assert Counter(header["units"] for header in found)["uV"] == 4
    assert {"m", "f", "male", "female"} >= {header["sex"] for header in found if "sex" in header}
    assert 0 < sum(header.get("sex") in ("m", "f") for header in found) < 40
    assert 0 < sum(isinstance(header.get("age"), int) for header in found) < 72
    assert 0 < sum("-" in header["date"] for header in found) < 40
    assert (sum("sex" not in header for header in found), sum("age" not in header for header in found)) == (4, 4)
    assert sum(header.get("age", "") is None for header in found) == 4


def test_in_some_runs_a_plug_is_loose_for_a_moment(whole: Path) -> None:
    loose = {path.parent.name: samples(path).count("-154.0") for path in (whole / FIRST).rglob("run_2.csv")}
    assert {subject for subject, count in loose.items() if count} == {f"subject_{n}" for n in (11, 31, 51, 71)}
    assert set(loose.values()) == {0, 6}


def test_some_runs_begin_with_a_flat_line(whole: Path) -> None:
    flat = Counter(
        len(list(itertools.takewhile("-0.005".__eq__, samples(path)))) for path in (whole / FIRST).rglob("run_1.csv")
    )
    assert (flat[1024], flat[2048]) == (4, 4)


def test_runs_of_a_subject_fit_one_birth_date_and_one_sex_but_for_two_subjects_in_eighty(whole: Path) -> None:
    """A person of age a on day d was born after d less a+1 years, and on or before d less a years."""
    conflicting = set()
    by_subject: dict[int, list[dict[str, object]]] = {}
    for delivery in (FIRST, SECOND):
        for (subject, _), header in headers(whole / delivery).items():
            by_subject.setdefault(subject, []).append(header)
    for subject, runs in by_subject.items():
        sexes = {str(header["sex"])[0] for header in runs if "sex" in header}
        aged = [(recorded_on(header), int(str(header["age"]))) for header in runs if header.get("age") is not None]
        earliest = max(((on.year - age - 1, on.month, on.day) for on, age in aged), default=(0, 0, 0))
        latest = min(((on.year - age, on.month, on.day) for on, age in aged), default=(9999, 0, 0))
        if len(sexes) > 1 or earliest >= latest:
            conflicting.add(subject)
    assert conflicting == {10, 12}


def test_some_subjects_age_between_their_runs(whole: Path) -> None:
    ages: dict[int, set[int]] = {}
    for (subject, _), header in headers(whole / FIRST).items():
        if header.get("age") is not None:
            ages.setdefault(subject, set()).add(int(str(header["age"])))
    assert sum(max(found) - min(found) >= 1 for found in ages.values()) >= 8


def test_no_run_was_recorded_after_its_delivery(whole: Path) -> None:
    for delivery in (FIRST, SECOND):
        assert max(map(recorded_on, headers(whole / delivery).values())) < date.fromisoformat(delivery)


def test_redelivered_run_is_the_same_bytes(deliveries: Path) -> None:
    for name in ("run_1.csv", "run_1_header.json"):
        first, second = (deliveries / delivery / "subject_02" / name for delivery in (FIRST, SECOND))
        assert first.read_bytes() == second.read_bytes()


def test_run_99_is_run_2_with_one_sample_changed(deliveries: Path) -> None:
    original, changed = deliveries / FIRST / "subject_02/run_2.csv", deliveries / SECOND / "subject_02/run_99.csv"
    differing = [pair for pair in zip(samples(original), samples(changed), strict=True) if pair[0] != pair[1]]
    assert len(differing) == 1
    before, after = map(float, differing[0])
    assert before - after == pytest.approx(0.01)
    headers_of = [path.with_name(path.stem + "_header.json").read_bytes() for path in (original, changed)]
    assert headers_of[0] == headers_of[1]


def test_a_run_comes_under_another_subjects_name(deliveries: Path) -> None:
    first, second = contents(deliveries / FIRST), contents(deliveries / SECOND)
    assert not any(name.startswith("subject_18/") for name in first)
    for name in ("run_1.csv", "run_1_header.json"):
        assert second[f"subject_18/{name}"] == first[f"subject_03/{name}"]


def test_new_runs_of_the_second_delivery_are_new(deliveries: Path) -> None:
    first, second = contents(deliveries / FIRST), contents(deliveries / SECOND)
    new = [name for name in ("subject_01/run_3.csv", "subject_17/run_1.csv", "subject_17/run_2.csv") if name in second]
    assert len(new) == 3
    assert not {second[name] for name in new} & set(first.values())


def test_within_the_first_delivery_no_two_signals_are_alike(whole: Path) -> None:
    digests = [digest for name, digest in contents(whole / FIRST).items() if name.endswith(".csv")]
    assert len(digests) == len(set(digests))


def test_each_bad_input_is_written_in_a_delivery_of_its_own(bad: dict[str, list[Path]]) -> None:
    assert list(bad) == list(BAD_INPUTS)
    paths = [path for case in bad.values() for path in case]
    assert {path.parents[1].name for path in paths} == {BAD}
    assert all(path.is_file() for path in paths)
    delivery = paths[0].parents[1]
    assert {path for path in delivery.rglob("*") if path.is_file()} == set(paths)
    subjects = Counter(case_path.parent.name for case in bad.values() for case_path in case[:1])
    assert set(subjects.values()) == {1}


def test_each_bad_input_has_its_fault_and_no_other(bad: dict[str, list[Path]]) -> None:
    def values(case: str) -> list[str]:
        return bad[case][0].read_text().split("\n")

    assert re.fullmatch(r"-?\d+\.\d+", values("csv_without_header_line")[0])
    assert values("csv_more_columns")[0] == "ecg_raw,ecg_filtered"
    assert {line.count(",") for line in values("csv_more_columns")[:-1]} == {1}
    assert values("csv_text_among_numbers").count("artifact") == 1
    assert {"inf", "-inf"} <= set(values("csv_infinity"))
    assert len(samples(bad["csv_shorter_than_2_s"][0])) == 999
    assert bad["csv_empty"][0].stat().st_size == 0
    assert samples(bad["csv_without_samples"][0]) == []
    assert [path.name for path in bad["header_without_signal"]] == ["run_1_header.json"]
    assert [path.name for path in bad["signal_without_header"]] == ["run_1.csv"]

    header = {case: json.loads(paths[-1].read_text()) for case, paths in bad.items() if case != "signal_without_header"}
    assert (header["fs_zero"]["fs"], header["fs_text"]["fs"]) == (0, "five hundred")
    assert "fs" not in header["fs_missing"]
    assert header["date_is_none"]["date"] == "31.02.2005"
    assert "date" not in header["date_missing"]
    assert header["date_in_the_future"]["date"] == "24.12.2999"
    assert (header["age_negative"]["age"], header["age_200"]["age"]) == ("-3", 200)
    assert header["units_unknown"]["units"] == "furlong"
    for case, found in header.items():
        if not case.startswith(("fs", "date", "age", "units")):
            assert (found["fs"], found["units"], 18 <= int(found["age"]) <= 75) == (500, "mV", True), case
            assert recorded_on(found) < date(2020, 1, 1)


def test_the_run_that_comes_twice_differs(bad: dict[str, list[Path]]) -> None:
    one, _, other, _ = bad["run_number_twice"]
    assert (one.name, other.name) == ("run_1.csv", "run_1.csv")
    assert one.parent != other.parent
    assert int(one.parent.name[8:]) == int(other.parent.name[8:])
    assert one.read_bytes() != other.read_bytes()


@pytest.mark.parametrize(("sampling_rate_hz", "n_samples"), [(500.0, 10_000), (128.0, 3_000), (1000.0, 20_000)])
def test_true_r_peaks_are_plausible_and_stand_out(sampling_rate_hz: float, n_samples: int) -> None:
    ecg_mv, r_peaks = synthesize_runs(30, n_samples, sampling_rate_hz, seed=5)
    assert ecg_mv.shape == (30, n_samples)
    for signal, peaks in zip(ecg_mv, r_peaks, strict=True):
        assert peaks.min() >= 0
        assert peaks.max() < n_samples
        rr_s = np.diff(peaks) / sampling_rate_hz
        assert rr_s.min() > 0.4
        assert rr_s.max() < 1.7
        assert rr_s.std() > 0.003
        # The mean beat, freed of its level before P, has its greatest deflection at R: noise averages out.
        before, after = round(0.06 * sampling_rate_hz), round(0.5 * sampling_rate_hz)
        whole = peaks[(peaks >= before) & (peaks < n_samples - after)]
        mean_beat = np.median(signal[whole[:, np.newaxis] + np.arange(-before, after)], axis=0)
        assert abs(int(np.argmax(mean_beat)) - before) <= 0.012 * sampling_rate_hz


def test_synthesized_runs_follow_the_seed() -> None:
    one, one_peaks = synthesize_runs(3, 2_000, 500.0, seed=1)
    again, again_peaks = synthesize_runs(3, 2_000, 500.0, seed=1)
    other, _ = synthesize_runs(3, 2_000, 500.0, seed=2)
    np.testing.assert_array_equal(one, again)
    assert all(np.array_equal(*pair) for pair in zip(one_peaks, again_peaks, strict=True))
    assert not np.array_equal(one, other)
    assert len(np.unique(one, axis=0)) == 3


@pytest.mark.parametrize("mains_hz", [50.0, 60.0])
def test_hum_is_at_the_mains_frequency(mains_hz: float) -> None:
    ecg_mv, _ = synthesize_runs(20, 10_000, 500.0, seed=3, mains_hz=mains_hz)
    power = (np.abs(np.fft.rfft(ecg_mv - ecg_mv.mean(axis=1, keepdims=True))) ** 2).mean(axis=0)
    frequency_hz = np.fft.rfftfreq(10_000, 1 / 500.0)
    above = frequency_hz > 45
    assert frequency_hz[above][np.argmax(power[above])] == pytest.approx(mains_hz, abs=0.2)


def test_synthesizing_nothing_is_allowed_and_nonsense_is_not() -> None:
    ecg_mv, r_peaks = synthesize_runs(0, 100, 500.0, seed=1)
    assert (ecg_mv.shape, r_peaks) == ((0, 100), [])
    for arguments in [(-1, 100, 500.0), (1, -1, 500.0), (1, 100, 0.0), (1, 100, float("nan"))]:
        with pytest.raises(ValueError, match="must"):
            synthesize_runs(*arguments, seed=1)
