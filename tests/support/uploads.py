"""What a clinic uploads in the tests of crashes: few runs, and every case that loading has to tell apart."""

import json
import shutil
from pathlib import Path

from orchestration.lib.core.home import Home
from synthetic import ecg
from synthetic.files import write_file

_BAD_INPUTS = ("csv_text_among_numbers", "csv_empty", "fs_text", "signal_without_header", "header_without_signal")


class Uploads:
    """Three uploads; each finds the one before loaded.

    The first: a dated delivery; another with bad input, a signal that waits for its header among it; in ``latest/`` new
    runs, a byte-identical re-delivery and near duplicates; of a second clinic two runs in ``latest/``, one without its
    header.

    The second: the waiting signal's header, dated; in ``latest/`` a header that corrects a sampling rate (the old
    signal is transformed anew), a signal that supersedes an old one, a re-delivery; of the second clinic the late
    header, and a corrected one for the only run in its Parquet file.

    The third: another header that corrects a sampling rate, alone in a dated delivery. No signal comes with it, and yet
    one is to be transformed anew.
    """

    COUNT = 3

    def __init__(self, folder: Path) -> None:
        generated = folder / "generated"
        first, second = ecg.write_deliveries(generated, scale=0.01)
        bad_inputs = ecg.write_bad_inputs(generated)
        other, _ = ecg.write_deliveries(generated, clinic="town", scale=0.01, seed=1)
        self.folders = tuple(folder / f"upload_{number + 1}" for number in range(self.COUNT))
        one, two, three = (each / "incoming" / "clinic=sf_state" / "measurement=ecg" for each in self.folders)
        town_one, town_two, _ = (
            each / "incoming" / "clinic=town" / "measurement=ecg" / "latest" for each in self.folders
        )

        shutil.copytree(first, one / first.name)
        shutil.copytree(second, one / "latest")
        for case in _BAD_INPUTS:
            for file in bad_inputs[case]:
                _copy(file, one / file.relative_to(first.parent))
        _copy(other / "subject_01" / "run_1.csv", town_one / "subject_01" / "run_1.csv")
        _copy(other / "subject_01" / "run_1_header.json", town_one / "subject_01" / "run_1_header.json")
        _copy(other / "subject_01" / "run_2.csv", town_one / "subject_01" / "run_2.csv")

        header = first / "subject_01" / "run_1_header.json"
        corrected = json.dumps({**json.loads(header.read_text()), "fs": 400}).encode()
        alone = bad_inputs["signal_without_header"][0]
        _copy(header, two / "2021-02-01" / alone.parent.name / "run_1_header.json")
        shutil.copytree(second / "subject_02", two / "latest" / "subject_02")
        _copy(first / "subject_01" / "run_1.csv", two / "latest" / "subject_01" / "run_1.csv")
        write_file(two / "latest" / "subject_01" / "run_1_header.json", corrected)
        _copy(first / "subject_02" / "run_3.csv", two / "latest" / "subject_03" / "run_1.csv")
        _copy(first / "subject_03" / "run_1_header.json", two / "latest" / "subject_03" / "run_1_header.json")
        _copy(other / "subject_01" / "run_1.csv", town_two / "subject_01" / "run_1.csv")
        write_file(town_two / "subject_01" / "run_1_header.json", corrected)
        _copy(other / "subject_01" / "run_2_header.json", town_two / "subject_01" / "run_2_header.json")

        header = first / "subject_02" / "run_4_header.json"
        corrected = json.dumps({**json.loads(header.read_text()), "fs": 400}).encode()
        write_file(three / "2021-03-01" / "subject_02" / header.name, corrected)

    def deliver(self, number: int, home: Home) -> None:
        """Put an upload (0, 1 or 2) into the home's lake."""
        shutil.copytree(self.folders[number], home.lake_path, dirs_exist_ok=True)


def _copy(source: Path, target: Path) -> None:
    write_file(target, source.read_bytes())
