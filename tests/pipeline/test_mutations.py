"""Two hundred files that something happened to: each is loaded or refused with a reason, and no other file suffers.

The mutations are drawn with a seed: a failure can be looked into.
"""

import gzip
import hashlib
import os
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest

from orchestration.lib.catalog.load_report import LoadReport
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import open_warehouse
from orchestration.lib.warehouse.connection import Warehouse
from tests.support.ecg_files import Clinic, header_file, ingest, reasons, samples_file, signal_file, statuses

SEED = 2004
MUTATED_COUNT = 200
GOOD_RUN_COUNT = 40
DELIVERY = "2026-01-01"
ZERO_BYTES = 100_000_000

Mutation = Callable[[random.Random, bytes], bytes]


def flip(rng: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randint(1, 20)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def insert(rng: random.Random, content: bytes) -> bytes:
    at = rng.randint(0, len(content))
    return content[:at] + rng.randbytes(rng.randint(1, 50)) + content[at:]


def remove(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.randint(1, 100) :]


def repeat(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content))
    return content[: start + rng.randint(1, 100)] + content[start:]


def words_for_numbers(rng: random.Random, content: bytes) -> bytes:
    numbers = list(re.finditer(rb"[0-9.]+", content))
    found = rng.choice(numbers)
    return content[: found.start()] + rng.choice([b"artifact", b"", b"--", b"1e999", b"0x1F"]) + content[found.end() :]


def columns(rng: random.Random, content: bytes) -> bytes:
    separator = rng.choice([b",", b";", b"\t"])
    return b"\n".join(line + separator + b"7" for line in content.split(b"\n"))


MUTATIONS: dict[str, Mutation] = {
    "truncated": lambda rng, content: content[: rng.randrange(len(content))],
    "bytes flipped": flip,
    "bytes inserted": insert,
    "bytes removed": remove,
    "bytes repeated": repeat,
    "words for numbers": words_for_numbers,
    "more columns": columns,
    "utf-16": lambda rng, content: content.decode().encode(rng.choice(["utf-16", "utf-16-le", "utf-16-be"])),
    "utf-32": lambda rng, content: content.decode().encode("utf-32"),
    "byte order mark": lambda rng, content: b"\xef\xbb\xbf" + content,
    "latin-1": lambda rng, content: content.replace(b"m", "µé".encode("latin-1")).replace(b"\n", b" \xa0\n"),
    "ebcdic": lambda rng, content: content.decode().encode("cp500"),
    "compressed": lambda rng, content: gzip.compress(content, mtime=0),
    "empty": lambda rng, content: b"",
    "blank": lambda rng, content: rng.choice([b"\n", b" ", b"\r\n\r\n", b"\t\n" * 500]),
    "NUL bytes": lambda rng, content: bytes(rng.randint(1, 10_000)),
    "random bytes": lambda rng, content: rng.randbytes(rng.randint(1, 10_000)),
    "upper case": lambda rng, content: content.upper(),
    "line ends of an old Mac": lambda rng, content: content.replace(b"\n", b"\r"),
    "line ends of Windows": lambda rng, content: content.replace(b"\n", b"\r\n"),
    "no line ends": lambda rng, content: content.replace(b"\n", b""),
    "one long line": lambda rng, content: content + b"9" * 1_000_000,
    "quoted": lambda rng, content: b"\n".join(b'"' + line + b'"' for line in content.split(b"\n")),
    "nested": lambda rng, content: b"[" * rng.choice([1, 5000]) + content,
    "a page of the web": lambda rng, content: b"<!DOCTYPE html>\n<html><body>404 {not found}</body></html>\n",
    "the other kind": lambda rng, content: header_file() if content.startswith(b"ecg_raw") else signal_file(),
}


@dataclass
class Mutants:
    """The files of the delivery: raw path to what happened to it."""

    mutated: dict[str, str] = field(default_factory=dict)
    partners: set[str] = field(default_factory=set)
    good: set[str] = field(default_factory=set)


def write_mutants(clinic: Clinic, secret: Path) -> Mutants:
    rng = random.Random(SEED)
    mutants = Mutants()
    for subject in range(1, GOOD_RUN_COUNT + 1):
        mutants.good |= set(clinic.put_run(DELIVERY, subject, 1))
    special = _special(clinic, secret)
    for number in range(MUTATED_COUNT):
        below = f"subject_{1000 + number}/run_1"
        names, originals = [f"{below}.csv", f"{below}_header.json"], [signal_file(number), header_file()]
        which = rng.randrange(2)
        if number < len(special):
            what, which, make = special[number]
            clinic.path(DELIVERY, names[which]).parent.mkdir(parents=True)
            make(clinic.path(DELIVERY, names[which]))
        else:
            # Each of them at least twice.
            what = list(MUTATIONS)[number % len(MUTATIONS)]
            clinic.put(DELIVERY, names[which], MUTATIONS[what](rng, originals[which]))
        mutants.mutated[clinic.raw_path(DELIVERY, names[which])] = what
        mutants.partners.add(clinic.put(DELIVERY, names[1 - which], originals[1 - which]))
    return mutants


def _special(clinic: Clinic, secret: Path) -> list[tuple[str, int, Callable[[Path], object]]]:
    """What can stand in a file's place besides other bytes: its name, whether of signal (0) or header (1), and how."""

    def zeros(path: Path) -> None:
        with path.open("wb") as file:
            file.truncate(ZERO_BYTES)

    def zeros_below_a_header(path: Path) -> None:
        with path.open("wb") as file:
            file.write(b"ecg_raw\n")
            file.truncate(ZERO_BYTES)

    signal, header = secret / "run_1.csv", secret / "run_1_header.json"
    return [
        ("100 MB of zeros", 0, zeros),
        ("100 MB of zeros", 1, zeros),
        ("100 MB of zeros", 0, zeros_below_a_header),
        ("a directory", 0, lambda path: path.mkdir()),
        ("a directory", 1, lambda path: path.mkdir()),
        ("a directory with a file", 0, lambda path: (path.mkdir(), (path / "run_1.csv").write_bytes(signal_file()))),
        ("a link out of the lake", 0, lambda path: path.symlink_to(signal)),
        ("a link out of the lake", 1, lambda path: path.symlink_to(header)),
        ("a relative link", 0, lambda path: path.symlink_to(os.path.relpath(signal, path.parent))),
        ("a link to nothing", 0, lambda path: path.symlink_to("nothing")),
        ("a link to itself", 1, lambda path: path.symlink_to(path.name)),
        ("a link to a directory", 0, lambda path: path.symlink_to(secret)),
        ("a link within the lake", 0, lambda path: path.symlink_to(clinic.path(DELIVERY, "subject_01/run_1.csv"))),
        ("a link to a device", 1, lambda path: path.symlink_to("/dev/zero")),
        ("a pipe", 0, os.mkfifo),
        ("a pipe", 1, os.mkfifo),
    ]


@dataclass
class Result:
    clinic: Clinic
    warehouse: Warehouse
    mutants: Mutants
    report: LoadReport


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("mutations")
    secret = folder / "outside"
    secret.mkdir()
    (secret / "run_1.csv").write_bytes(SECRET_SIGNAL)
    (secret / "run_1_header.json").write_bytes(SECRET_HEADER)
    clinic, warehouse = Clinic(Lake(folder / "lake")), open_warehouse(folder / "warehouse.duckdb")
    mutants = write_mutants(clinic, secret)
    # A folder of a subject that leads out of the lake, where valid files lie.
    clinic.path(DELIVERY, "subject_5000").symlink_to(secret)
    return Result(clinic, warehouse, mutants, ingest(clinic.lake, warehouse))


SECRET_MV = 31.25  # exact in float32, and far from what any other signal has
SECRET_SIGNAL = samples_file([SECRET_MV, -SECRET_MV] * 150)
SECRET_HEADER = header_file(age=111, units="mV", sex="secret")


def test_each_is_loaded_or_refused_with_a_reason(result: Result) -> None:
    assert len(result.mutants.mutated) == MUTATED_COUNT
    found, why = statuses(result.warehouse), reasons(result.warehouse)
    for raw_path, what in result.mutants.mutated.items():
        if found[raw_path] == "rejected":
            assert why[raw_path], what
        else:
            assert found[raw_path] == "loaded", what
    for raw_path in result.mutants.partners:
        if found[raw_path] != "loaded":
            # A signal whose header was refused.
            assert found[raw_path] == "waiting"
            assert raw_path.endswith(".csv")
            assert found[raw_path.replace(".csv", "_header.json")] == "rejected"


def test_no_mutation_is_without_effect(result: Result) -> None:
    """A mutation that never makes a file worth refusing tests nothing, but for the two that every reader forgives."""
    found = statuses(result.warehouse)
    refused = {what for raw_path, what in result.mutants.mutated.items() if found[raw_path] == "rejected"}
    assert set(result.mutants.mutated.values()) - refused <= {"byte order mark", "line ends of Windows"}


def test_every_good_file_among_them_loads(result: Result) -> None:
    found = statuses(result.warehouse)
    assert {found[raw_path] for raw_path in result.mutants.good} == {"loaded"}
    with result.warehouse.read() as con:
        (count,) = con.execute(
            "select count(*) from raw.ecg_run_feature where is_usable and _raw_path in (select unnest(?))",
            [[path for path in result.mutants.good if path.endswith(".csv")]],
        ).fetchall()
    assert count == (GOOD_RUN_COUNT,)


def test_every_refusal_is_reported_once_in_one_line(result: Result) -> None:
    found = statuses(result.warehouse)
    refused = {path for path, status in found.items() if status == "rejected"}
    named = [line.split(": ")[0] for line in result.report.problems]
    assert refused <= {re.sub(r":\d+$", "", name) for name in named}
    assert not [line for line in result.report.problems if "\n" in line or "\r" in line]
    assert not [line for line in result.report.problems if "Traceback" in line or "Error" in line]


def test_what_is_kept_of_a_refused_file_is_short(result: Result) -> None:
    with result.warehouse.read() as con:
        assert con.execute("select max(strlen(raw_text)) < 100_000 from catalog.rejected_row").fetchone() == (True,)
    # 300 MB of zeros came in.
    assert result.warehouse.path.stat().st_size < 50_000_000


def test_where_a_link_leads_is_nowhere(result: Result) -> None:
    contents = {hashlib.sha256(content).hexdigest() for content in (SECRET_SIGNAL, SECRET_HEADER)}
    with result.warehouse.read() as con:
        hashes = {row[0] for row in con.execute("select content_hash from catalog.file").fetchall()}
        assert not hashes & contents
        assert con.execute("select count(*) from raw.ecg_run_header where age = 111 or sex = 'secret'").fetchone() == (
            0,
        )
        assert con.execute(
            "select count(*) from catalog.rejected_row where regexp_matches(raw_text, 'secret|31.25')"
        ).fetchone() == (0,)
        assert con.execute("select count(*) from raw.ecg_run_feature where raw_max_mv = ?", [SECRET_MV]).fetchone() == (
            0,
        )
    signals = duckdb.execute(
        "select count(*) from read_parquet(?) where list_contains(raw_mv, ?::float)",
        [f"{result.clinic.lake.root}/processed/measurement=ecg/**/*.parquet", SECRET_MV],
    ).fetchone()
    assert signals == (0,)
    links = [path for path, what in result.mutants.mutated.items() if "link" in what]
    why = reasons(result.warehouse)
    assert len(links) == 8
    for raw_path in [*links, result.clinic.raw_path(DELIVERY, "subject_5000")]:
        assert why[raw_path] == "it is a symbolic link, and links are not followed: deliver the file itself"
    assert not [path for path in why if "subject_5000/" in path]


def test_the_lake_is_as_it_was(result: Result) -> None:
    """Refusing a file never moves or edits it."""
    for raw_path, what in result.mutants.mutated.items():
        path = result.clinic.lake.path(raw_path)
        assert path.is_symlink() == ("link" in what)
        assert path.is_symlink() or path.exists()
        if "zeros" in what:
            assert path.stat().st_size == ZERO_BYTES


def test_a_second_build_changes_nothing(result: Result) -> None:
    before = statuses(result.warehouse), reasons(result.warehouse)
    report = ingest(result.clinic.lake, result.warehouse)
    assert (report.file_count, report.row_count) == (0, 0)
    assert (statuses(result.warehouse), reasons(result.warehouse)) == before
