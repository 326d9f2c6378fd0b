"""Frames on a pipe: each message whole, whatever the reads cut it into; what is broken is kept, the next one found."""

import json
import os
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.core.errors import UsageError, VitalhouseError
from orchestration.lib.ingest.records import scan_records
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.practice.contract import PRACTICE_CLAIM, REJECTED_RECORD_KEYS
from orchestration.lib.sources.practice.framing import MAX_LOST_BYTES, MAX_MESSAGE_BYTES, Frames
from orchestration.lib.sources.practice.listener import listen
from orchestration.lib.sources.practice.stream import FLUSH_MESSAGES, Stream
from synthetic.practice_publisher import frame
from tests.support.hypothesis_profile import examples

GOOD = [b'{"id": 1, "patient_id": 2}', b'{"id": 2}', b'{"id": 3, "text": "{[\xc3\xa9"}']


class Taken:
    """What a pipe's frames were taken for."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.refused: list[tuple[bytes, str]] = []
        self.frames = Frames(lambda text, _: self.texts.append(text), lambda *what: self.refused.append(what))

    def feed(self, content: bytes, size: int | None = None) -> "Taken":
        size = size or len(content)
        for begin in range(0, len(content), size):
            self.frames.feed(content[begin : begin + size])
        return self

    def end(self) -> "Taken":
        self.frames.end()
        return self

    @property
    def ids(self) -> list[int]:
        return [json.loads(text)["id"] for text in self.texts]


@pytest.mark.parametrize("size", [1, 7, 31, 32, 33, 59, 64, 1000])
def test_short_reads_change_nothing(size: int) -> None:
    taken = Taken().feed(b"".join(map(frame, GOOD)), size).end()
    assert taken.texts == [message.decode() for message in GOOD]
    assert taken.refused == []


# What stands between two good messages, what is kept of it, and the reason. None of it costs its neighbours anything.
BROKEN: dict[str, tuple[bytes, bytes, str]] = {
    "cut off within the message": (frame(GOOD[0])[:-9], GOOD[0][:-9], "the frame ends after 17 of 26 bytes"),
    "cut off after the length": (frame(GOOD[0])[:32], b"", "the frame ends after 0 of 26 bytes"),
    "cut off within the length": (bytes(20), bytes(20), "a frame of 0 bytes: expected 2 to 65,536"),
    "10 GB": (
        (10**10).to_bytes(32, "big"),
        (10**10).to_bytes(32, "big"),
        "a frame of 10,000,000,000 bytes: expected 2",
    ),
    "all bits": (b"\xff" * 32, b"\xff" * 32, "a frame of 1.2e+77 bytes: expected 2 to 65,536"),
    "no length": (b"hello", b"hello", "a frame of "),
    "too long by far": (
        frame(b'{"id": 9}')[:30] + b"\xff\x00" + b'{"id": 9}',
        b'{"id": 9}',
        "the frame ends after 9 of 65,280",
    ),
    "longer than said": (
        frame(b'{"id": 9}')[:31] + b"\x07" + b'{"id": 9}',
        b'{"id": ',
        "it is not valid JSON: Expecting value",
    ),
    "invalid UTF-8": (frame(b'{"id": "\xff"}'), b'{"id": "\xff"}', "it is not valid UTF-8"),
    "array": (frame(b'[{"id": 9}]'), b'[{"id": 9}]', "it is not a JSON object"),
    "number": (frame(b"12"), b"12", "it is not a JSON object"),
    "no JSON": (frame(b"{'id': 9}"), b"{'id': 9}", "it is not valid JSON: Expecting property name"),
    "two objects": (
        frame(b'{"id": 9}{"id": 9}'),
        b'{"id": 9}{"id": 9}',
        "it is not valid JSON: Extra data at character 10",
    ),
    "NUL bytes": (frame(b'{"id": "\x00"}'), b'{"id": "\x00"}', "it is not valid JSON: Invalid control character at"),
    "NUL bytes alone": (frame(bytes(50)), bytes(50), "it is not valid JSON: Expecting value"),
    "deep": (frame(b"[" * 60_000), b"[" * 60_000, "it is nested too deeply"),
    "a number of 5,000 digits": (
        frame(b'{"id": %b}' % (b"9" * 5000)),
        b'{"id": %b}' % (b"9" * 5000),
        "it is not valid JSON: Exc",
    ),
}


@pytest.mark.parametrize("size", [1, 32, 50, 10**6])
@pytest.mark.parametrize("case", BROKEN)
def test_what_is_broken_is_kept_and_the_next_message_found(case: str, size: int) -> None:
    broken, kept, reason = BROKEN[case]
    if size == 1 and len(broken) > 1000:
        size = 1000
    taken = Taken().feed(frame(GOOD[0]) + broken + frame(GOOD[1]) + frame(GOOD[2]), size).end()
    assert taken.texts == [message.decode() for message in GOOD]
    content = b"".join(content for content, _ in taken.refused)
    if case == "longer than said":
        assert content.startswith(kept)  # and then what is left of the message, which is no frame
    else:
        assert content == kept
    assert taken.refused[0][1].startswith(reason)


@given(
    st.lists(st.sampled_from(sorted(BROKEN)), max_size=3),
    st.lists(st.integers(1, 200), min_size=1, max_size=20),
)
@settings(max_examples=examples(60), deadline=None)
def test_any_damage_in_any_reads_loses_no_good_message(cases: list[str], sizes: list[int]) -> None:
    """Between two damages there is a good message: two at once may look like anything."""
    cases = [case for case in cases if len(BROKEN[case][0]) < 1000]
    content = frame(GOOD[0]) + b"".join(BROKEN[case][0] + frame(GOOD[1]) for case in cases) + frame(GOOD[2])
    taken = Taken()
    while content:
        size = sizes[len(content) % len(sizes)]
        taken.feed(content[:size])
        content = content[size:]
    assert taken.end().ids == [1, *[2] * len(cases), 3]
    assert len(taken.refused) >= len(cases)


@pytest.mark.parametrize("there", [1, 31, 32, 33, 57])
def test_a_publisher_that_dies_leaves_a_refused_rest(there: int) -> None:
    taken = Taken().feed(frame(GOOD[0]) + frame(GOOD[0])[:there]).end().feed(frame(GOOD[1]))
    assert taken.ids == [1, 2]
    ((content, reason),) = taken.refused
    assert content == (frame(GOOD[0])[32:there] if there >= 32 else bytes(there))
    assert reason.startswith("the frame ends after")


def test_without_any_frame_the_publisher_is_asked_to_begin_anew() -> None:
    taken = Taken()
    while not taken.frames.is_hopeless():
        taken.feed(b"no frame in sight " * 1000)
    taken.end()
    assert sum(len(content) for content, _ in taken.refused) > MAX_LOST_BYTES
    assert max(len(content) for content, _ in taken.refused) <= MAX_MESSAGE_BYTES
    assert len(taken.frames.buffer) == 0


# -- into the lake ---------------------------------------------------------------------------


class Received:
    """A stream without pipes, and what it wrote."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.stream = Stream(PRACTICE_CLAIM, Path("nowhere"), lake, "c", 10)

    def take(self, *messages: bytes) -> "Received":
        Frames(self.stream._receive, self.stream._refuse).feed(b"".join(map(frame, messages)))
        return self

    def lines(self) -> list[str]:
        self.stream.flush()
        files = sorted(path for path in self.lake.root.rglob("*") if path.is_file())
        return [line for path in files for line in path.read_text().splitlines()]

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]


def test_each_message_is_a_line_with_the_time_of_its_receipt(lake: Lake) -> None:
    found = Received(lake).take(*GOOD, b"{}", b'\n{\r\n"id": 4}\n').records()
    times = [datetime.fromisoformat(record.pop("received_at")) for record in found]
    assert found == [*map(json.loads, GOOD), {}, {"id": 4}]
    assert times == sorted(set(times))


def test_the_listeners_time_counts_and_not_one_of_the_message(lake: Lake) -> None:
    (line,) = Received(lake).take(b'{"received_at": "1999-01-01T00:00:00Z"}').lines()
    (record,) = scan_records(line.encode())
    assert str(record.values["received_at"]) > "2026"


def test_a_number_stays_as_the_office_wrote_it(lake: Lake) -> None:
    (line,) = Received(lake).take(b'{"price": 3.10, "other": 1e400}').lines()
    assert line.endswith('"price": 3.10, "other": 1e400}')


def test_what_cannot_be_read_is_refused_by_the_loader_with_reason_and_text(lake: Lake) -> None:
    lines = Received(lake).take(GOOD[0], b'[{"id": "\xff\x00"}]', GOOD[1]).lines()
    assert {*REJECTED_RECORD_KEYS, "_received_at"} == json.loads(lines[1]).keys()
    good, refused, other = scan_records("\n".join(lines).encode(), REJECTED_RECORD_KEYS)
    assert good.problem is other.problem is None
    assert (refused.line_number, refused.problem) == (2, "it is not valid UTF-8")
    assert refused.raw_text == '[{"id": "\\xff\\x00"}]'


def test_a_batch_is_a_file_of_its_day(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    midnight = int(datetime.fromisoformat("2026-11-23T00:00:00+00:00").timestamp())
    clock = iter(range((midnight - 2) * 10**9, (midnight + 2) * 10**9, 10**9))
    monkeypatch.setattr("time.time_ns", lambda: next(clock))
    Received(lake).take(*[b'{"id": 1}'] * 4).lines()
    assert [str(path.relative_to(lake.root)) for path in sorted(lake.root.rglob("*.ndjson"))] == [
        "incoming/clinic=c/measurement=practice/2026-11-22/claim-2026-11-22T235958.000000Z.ndjson",
        "incoming/clinic=c/measurement=practice/2026-11-23/claim-2026-11-23T000000.000000Z.ndjson",
    ]


def test_a_batch_is_closed_by_its_size(lake: Lake) -> None:
    received = Received(lake).take(*[b'{"id": 1}'] * (2 * FLUSH_MESSAGES + 1))
    assert received.stream.counts.written == 2 * FLUSH_MESSAGES
    assert len(received.lines()) == 2 * FLUSH_MESSAGES + 1
    assert list(lake.root.rglob(".*")) == []


def test_times_grow_even_where_the_clock_does_not(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 10**18)
    times = [record["received_at"] for record in Received(lake).take(*[b'{"id": 1}'] * 3).records()]
    assert times == [f"2001-09-09T01:46:40.00000{number}Z" for number in range(3)]


def test_what_cannot_be_written_is_kept_and_tried_again(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    received = Received(lake)
    with monkeypatch.context() as patch:
        patch.setattr(Lake, "write_file", full_disk)
        received.take(*[b'{"id": 1}'] * (FLUSH_MESSAGES + 5))
        assert received.stream.problem
        assert received.stream.problem.endswith("No space left on device")
        assert received.stream.counts.written == 0
    assert len(received.lines()) == FLUSH_MESSAGES + 5
    assert received.stream.problem is None


def full_disk(*_: Any) -> str:
    raise OSError(28, "No space left on device")


def test_a_received_file_is_never_written_over(lake: Lake) -> None:
    delivery = Delivery("c", "practice", "2026-11-22")
    lake.write_file(delivery, "claim-1.ndjson", b"one")
    with pytest.raises(FileExistsError):
        lake.write_file(delivery, "claim-1.ndjson", b"two")
    assert lake.read_bytes(f"{delivery.path}/claim-1.ndjson") == b"one"


# -- what cannot be listened to ---------------------------------------------------------------------------


@pytest.mark.parametrize("clinic", ["", "a/b", "..", ".hidden", "a b"])
def test_a_clinic_is_a_folder(lake: Lake, tmp_path: Path, clinic: str) -> None:
    with pytest.raises(UsageError, match="a clinic's name is letters"):
        listen(lake, clinic, tmp_path / "claims", tmp_path / "diagnoses")


def test_two_streams_need_two_pipes(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot come on one pipe"):
        listen(lake, "c", tmp_path / "pipe", tmp_path / "pipe")


def test_a_file_is_no_pipe(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "claims").write_text("no pipe")
    with pytest.raises(VitalhouseError, match="claims is not a named pipe"):
        listen(lake, "c", tmp_path / "claims", tmp_path / "diagnoses")


def test_a_pipe_is_read_until_its_writers_have_gone_and_the_new_one_too(lake: Lake, tmp_path: Path) -> None:
    """A publisher that comes back makes a new pipe at the path while another still writes into the old one."""
    path = tmp_path / "claims"
    os.mkfifo(path)
    stream = Stream(PRACTICE_CLAIM, path, lake, "c", 10)
    stream.connect()
    old = os.open(path, os.O_WRONLY)
    path.unlink()
    os.mkfifo(path)
    stream.connect()
    new = os.open(path, os.O_WRONLY)
    for descriptor, message in ((old, GOOD[0]), (new, GOOD[1]), (old, GOOD[2])):
        os.write(descriptor, frame(message))
        stream.read({pipe.descriptor for pipe in stream.pipes})
    os.close(old)
    stream.read({pipe.descriptor for pipe in stream.pipes})
    assert len(stream.pipes) == 1
    os.close(new)
    stream.finish()
    assert stream.pipes == []
    assert stream.counts.written == stream.counts.received == 3


def test_ending_takes_the_rest_of_a_frame_that_has_begun(lake: Lake, tmp_path: Path) -> None:
    path = tmp_path / "claims"
    os.mkfifo(path)
    stream = Stream(PRACTICE_CLAIM, path, lake, "c", 10)
    stream.connect()
    writer = os.open(path, os.O_WRONLY)
    os.write(writer, frame(GOOD[0]) + frame(GOOD[1])[:40])
    rest = threading.Timer(0.1, os.write, (writer, frame(GOOD[1])[40:] + frame(GOOD[2])))
    rest.start()
    stream.finish()
    rest.join()
    os.close(writer)
    # The third came after we were asked to end: it is the next listener's.
    assert (stream.counts.written, stream.counts.unreadable) == (2, 0)
