"""A signal file is one column of finite numbers; blank lines are gaps, and the line that is wrong is named."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestration.lib.ingest.records import RAW_TEXT_CHARACTERS
from orchestration.lib.sources.ecg import signal_csv
from orchestration.lib.sources.ecg.signal_csv import BadSignal, read_signal, read_signals
from tests.support.hypothesis_profile import examples

NAN = np.nan


@pytest.mark.parametrize(
    ("content", "samples"),
    [
        (b"ecg_raw\n0.5\n-0.25\n", [0.5, -0.25]),
        (b"ecg_raw\n0.5\n-0.25", [0.5, -0.25]),
        (b"ecg_raw\r\n0.5\r\n-0.25\r\n", [0.5, -0.25]),
        (b"\xef\xbb\xbfecg_raw\n0.5\n", [0.5]),
        (b'"ecg_raw"\n0.5\n', [0.5]),
        (b" ECG_RAW \n0.5\n", [0.5]),
        (b"ecg_raw\n1\n+2\n.5\n5.\n1e-3\n-1E+2\n007\n", [1, 2, 0.5, 5, 0.001, -100, 7]),
        (b"ecg_raw\n 0.5 \n\t1\n", [0.5, 1]),
        (b"ecg_raw\n1\n\n3\n", [1, NAN, 3]),
        (b"ecg_raw\n\n1\n", [NAN, 1]),
        (b"ecg_raw\r\n1\r\n\r\n3\r\n", [1, NAN, 3]),
        (b"ecg_raw\n1\nNaN\nnan\nNA\nnull\n3\n", [1, NAN, NAN, NAN, NAN, 3]),
        (b"ecg_raw\n", []),
        (b"ecg_raw", []),
        (b"ecg_raw\n\n\n", []),
    ],
)
def test_samples(content: bytes, samples: list[float]) -> None:
    np.testing.assert_array_equal(read_signal(content), np.array(samples, float))


@pytest.mark.parametrize(
    ("content", "line", "text", "reason"),
    [
        (b"", 1, "", "it is empty: expected a header line ecg_raw and one value a line"),
        (b" \n\n", 1, "", "it is empty: expected a header line ecg_raw and one value a line"),
        (b"0.5\n1\n", 1, "0.5", "it has no header line: expected ecg_raw on the first line"),
        (b"ecg_raw,time\n1,2\n", 1, "ecg_raw,time", "it has more than one column: expected one column ecg_raw"),
        (b"ecg_raw;time\n", 1, "ecg_raw;time", "it has more than one column: expected one column ecg_raw"),
        (b"voltage\n1\n", 1, "voltage", "its header line is not ecg_raw"),
        (b"ecg_raw\n1\n2,3\n", 3, "2,3", "expected one column, got '2,3'"),
        (b"ecg_raw\n1\n2\t3\n", 3, "2\t3", "expected one column, got '2\t3'"),
        (b"ecg_raw\n1\n\nartifact\n", 4, "artifact", "expected a finite number, got 'artifact'"),
        (b"ecg_raw\n1\ninf\n", 3, "inf", "expected a finite number, got 'inf'"),
        (b"ecg_raw\n-Infinity\n", 2, "-Infinity", "expected a finite number, got '-Infinity'"),
        (b"ecg_raw\n1e400\n1\n", 2, "1e400", "expected a finite number, got '1e400'"),
        (b"ecg_raw\n1\n0x1F\n", 3, "0x1F", "expected a finite number, got '0x1F'"),
        (b"ecg_raw\n1_000\n", 2, "1_000", "expected a finite number, got '1_000'"),
        (b"ecg_raw\n1\n2e\n", 3, "2e", "expected a finite number, got '2e'"),
        (b"ecg_raw\n1\n2-\n", 3, "2-", "expected a finite number, got '2-'"),
        (b"ecg_raw\n1.2.3\n", 2, "1.2.3", "expected a finite number, got '1.2.3'"),
        (b"ecg_raw\n1 2\n", 2, "1 2", "expected a finite number, got '1 2'"),
        (b"ecg_raw\n1\r2\n\n3\n", 2, "1\r2", "expected a finite number, got '1\r2'"),
        (b"ecg_raw\n1\n\xff\n", 3, "\\xff", "expected a finite number, got '\\xff'"),
        (b"ecg_raw\n1\n\x00\n", 3, "\\x00", "expected a finite number, got '\\x00'"),
        ("ecg_raw\n١\n".encode(), 2, "١", "expected a finite number, got '١'"),
        ("ecg_raw\n1\n".encode("utf-16"), 1, None, "it is UTF-16 text: save it as UTF-8"),
        ("ecg_raw\n1\n".encode("utf-16-le"), 1, None, "its header line is not ecg_raw"),
        (bytes(100), 1, "\\x00" * 100, "its header line is not ecg_raw"),
        (b"PK\x03\x04zip", 1, "PK\\x03\\x04zip", "its header line is not ecg_raw"),
    ],
)
def test_what_is_wrong_is_named(content: bytes, line: int, text: str | None, reason: str) -> None:
    with pytest.raises(BadSignal) as raised:
        read_signal(content)
    assert (raised.value.line_number, raised.value.reason) == (line, reason)
    if text is not None:
        assert raised.value.raw_text == text


def test_of_a_long_line_the_beginning_is_kept() -> None:
    with pytest.raises(BadSignal) as raised:
        read_signal(b"ecg_raw\n" + b"x" * 10**6)
    assert raised.value.raw_text == "x" * RAW_TEXT_CHARACTERS
    assert len(raised.value.reason) < 100


signs = st.sampled_from(["", "", "-", "+"])
exponents = st.sampled_from(["", "", "", "e5", "E-3", "e+0", "e400", "e"])
words = st.builds(
    "{}{}{}{}".format, signs, st.integers(0, 10**6), st.sampled_from(["", ".", ".5", ".005", "..", "-1"]), exponents
)
lines = (
    st.floats(allow_nan=False, width=32).map(repr)
    | words
    | st.sampled_from(["", " ", "1", "-0", "\r", "1\r2", "."])
    | st.sampled_from(
        ['"1"', "'1'", "nan", "inf", "NULL", "#N/A", "0x1", "1_0", "1,2", "\ufeff1", "1\x00", "\x0b1", "\t1"]
    )
)


@settings(max_examples=examples(300), deadline=None)
@given(
    st.lists(lines, max_size=8), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.sampled_from([1, 7, 32, 1 << 19])
)
@example(["1", "2e"], "\n", False, 7)
@example(["1\r2", "", "3"], "\n", False, 7)
@example(['"1"', "2"], "\n", True, 7)
@example(["\ufeff1", "2"], "\n", True, 7)
@example(["1"] * 8, "\r\n", True, 7)
@example(["1"] * 30, "\n", True, 32)
@example(["1" * 70, "1e0005", "1"], "\n", True, 1 << 19)
def test_the_fast_path_and_the_strict_path_agree(values: list[str], newline: str, ends: bool, block: int) -> None:
    body = newline.join(values) + (newline if ends else "")
    content = f"ecg_raw{newline}{body}".encode()

    def read() -> list[str] | tuple[int, str]:
        try:
            return list(map(repr, read_signal(content)))
        except BadSignal as bad:
            return bad.line_number, bad.reason

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signal_csv, "BLOCK_BYTES", block)
        fast = read()
        patch.setattr(signal_csv, "_read_numbers", lambda content: None)
        strict = read()
    assert fast == strict


def test_the_fast_path_reads_what_nearly_all_files_are() -> None:
    for newline in ("\n", "\r\n"):
        content = newline.join(["ecg_raw", "0.5", "-0.25", "1e-3", ""]).encode()
        values = signal_csv._read_numbers(content)
        assert values is not None
        assert values.tolist() == [0.5, -0.25, 0.001]


@settings(max_examples=examples(100), deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
def test_every_number_is_read_to_its_last_digit(samples: list[float]) -> None:
    content = "\n".join(["ecg_raw", *map(repr, samples)]).encode()
    assert read_signal(content).tolist() == samples


contents = st.builds(
    lambda title, values, end: "\n".join([title, *values]).encode() + end,
    st.sampled_from(["ecg_raw", "ecg_raw", "ecg_raw", "\ufeffecg_raw", "ecg_raw,time", ""]),
    st.lists(lines, max_size=4),
    st.sampled_from([b"", b"\n", b"\r\n\n", b"\xff"]),
)


def outcome(signal: object) -> object:
    return (signal.line_number, signal.raw_text, signal.reason) if isinstance(signal, BadSignal) else repr(signal)


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(contents, max_size=6))
@example([b"ecg_raw\n1\n2", b"ecg_raw\n3\n\n4", b"ecg_raw\n5"])
@example([b"ecg_raw\n1\n2", b"ecg_raw\n1e400", b"ecg_raw", b"ecg_raw\n5"])
def test_files_read_together_are_read_as_each_alone(files: list[bytes]) -> None:
    together = read_signals(files)
    assert [outcome(signal) for signal in together] == [outcome(read_signals([file])[0]) for file in files]
