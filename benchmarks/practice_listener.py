"""Measure how many messages a second the listener receives from two fast publishers, and whether it loses any.

    python -m benchmarks.practice_listener [--messages 300000] [--rounds 3]

Goal: at least 20,000 messages a second on each stream, none lost. Publishers and listener are processes of their own,
as in an office; publishers write a frame at a time, drawn beforehand. Beside it runs the fastest
possible reader, which decodes the frames and does nothing with them.
"""

import argparse
import json
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import print_machine
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.practice.framing import HEADER_BYTES
from orchestration.lib.sources.practice.listener import listen
from synthetic.practice import STREAMS, Stream
from synthetic.practice_publisher import publish

PROCESSES = multiprocessing.get_context("fork")


def receive(lake: Path, pipes: dict[str, Path]) -> None:
    """Run the listener."""
    listen(Lake(lake), "bench", pipes["claim"], pipes["diagnosis"])


def decode_frames(_: Path, pipes: dict[str, Path]) -> None:
    """Read each pipe in a process of its own, and only decode the frames."""
    readers = [PROCESSES.Process(target=_decode_frames, args=(path,)) for path in pipes.values()]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()


def _decode_frames(path: Path) -> None:
    while not path.exists():
        time.sleep(0.01)
    with path.open("rb") as pipe:
        while header := pipe.read(HEADER_BYTES):
            json.loads(pipe.read(int.from_bytes(header, "big")))


def measure(work: Callable[[Path, dict[str, Path]], None], messages: dict[str, list[bytes]], folder: Path) -> float:
    """Measure the seconds from the first message to the last one received (by the listener: written to disk)."""
    pipes = {kind: folder / kind for kind in STREAMS}
    receiver = PROCESSES.Process(target=work, args=(folder / "lake", pipes))
    publishers = [PROCESSES.Process(target=publish, args=(pipes[kind], messages[kind])) for kind in STREAMS]
    receiver.start()
    time.sleep(0.5)
    started = time.perf_counter()
    for publisher in publishers:
        publisher.start()
    for publisher in publishers:
        publisher.join()
    if work is receive:
        assert receiver.pid is not None
        os.kill(receiver.pid, signal.SIGTERM)
    receiver.join()
    return time.perf_counter() - started


def ids(folder: Path, kind: str) -> list[int]:
    """Read the ids that were written, in the order of receipt."""
    files = sorted(folder.rglob(f"{kind}-*.ndjson"))
    return [json.loads(line)["id"] for path in files for line in path.read_bytes().splitlines()]


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", type=int, default=300_000, help="of each stream")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print_machine()
    streams = {kind: Stream(kind, seed=1) for kind in STREAMS}
    messages = {kind: [stream.draw().encode() for _ in range(options.messages)] for kind, stream in streams.items()}
    best: dict[str, float] = {}
    for _ in range(options.rounds):
        for name, work in (("listener", receive), ("frames decoded only", decode_frames)):
            with tempfile.TemporaryDirectory(prefix="vitalhouse-bench-") as folder:
                seconds = measure(work, messages, Path(folder))
                for kind in STREAMS if work is receive else ():
                    written = ids(Path(folder), kind)
                    lost = options.messages - len(written)
                    assert written == [json.loads(message)["id"] for message in messages[kind]], (kind, lost)
            best[name] = min(best.get(name, seconds), seconds)
    for name, seconds in best.items():
        print(f"{name:25} {options.messages / seconds:10,.0f} messages/s on each of two streams at once")
    print("lost: none (every id compared)")


if __name__ == "__main__":
    main()
