"""Write days of a doctor's office exactly as `vitalhouse listen` writes them, and the office's list of patients.

An office publishes claims and diagnoses, one of each every two seconds. An id is repeated with a probability of one in
ten; the rest of the message is then drawn anew. Patients are numbered from 1, but messages name them from 0. A smaller
scale is the beginning of a larger one.
"""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from synthetic.files import check_scale, check_seed, measurement_folder, write_file

__all__ = ["BAD_INPUTS", "Stream", "patient_file", "write_bad_inputs", "write_deliveries"]

CLINIC = "family_practice"
STREAMS = ("claim", "diagnosis")
PATIENT_COUNT = 1_000
SECONDS_BETWEEN = 2.0
# Two days at scale 1.
FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)
MESSAGE_COUNT = round(2 * 86_400 / SECONDS_BETWEEN)
BAD_INPUT_DELIVERY = "2026-03-04-bad-input"
REPEAT_PROBABILITY = 0.10
# Claim codes with their prices in euros, and ICD-10 codes.
PRICES = {"03003": 5, "29001": 10, "45001": 20, "03230": 3}
ICD10_CODES = ("A77.9", "R41.3", "J45.998", "J44.9", "R10.2", "I50.9")
# A file every six hours: few files, as in an archive of past days.
_FILE_SECONDS = 6 * 3600

_FIRST_NAMES = (
    "Ada",
    "Ben",
    "Chloé",
    "Deniz",
    "Emil",
    "Fatima",
    "Greta",
    "Hugo",
    "Ida",
    "Jörg",
    "Kim",
    "Lea",
    "Mehmet",
)
_LAST_NAMES = ("Ahlers", "Brandt", "Çelik", "Dahl", "Ebner", "Fink", "Groß", "Haas", "Iwanow", "Jung", "Köhler", "Lang")


class Stream:
    """One of an office's two endless streams of messages, drawn from a seed.

    Parameters
    ----------
    kind
        ``claim`` or ``diagnosis``.
    """

    def __init__(self, kind: str, seed: int, patient_count: int = PATIENT_COUNT) -> None:
        self.kind, self.patient_count = kind, patient_count
        self.rng = np.random.default_rng([seed, STREAMS.index(kind)])
        self.next_id = 0

    def draw(self) -> str:
        """Draw the next message, as JSON."""
        # One draw of four numbers a message, so that no message depends on how many are drawn at once.
        repeats, earlier, patient, kind = self.rng.random(4)
        if self.next_id and repeats < REPEAT_PROBABILITY:
            message: dict[str, object] = {"id": int(earlier * self.next_id)}
        else:
            message = {"id": self.next_id}
            self.next_id += 1
        message["patient_id"] = int(patient * (self.patient_count + 1))
        if self.kind == "claim":
            code = list(PRICES)[int(kind * len(PRICES))]
            message |= {"code": code, "price": PRICES[code]}
        else:
            message["icd10_code"] = ICD10_CODES[int(kind * len(ICD10_CODES))]
        return json.dumps(message)


def received(message: str, at: datetime) -> str:
    """Add the time of receipt to a message, as first value, as the listener does."""
    return f'{{"received_at": "{at:%Y-%m-%dT%H:%M:%S.%f}Z", {message[1:]}'


def patient_file(seed: int, patient_count: int = PATIENT_COUNT) -> bytes:
    """Write the office's list of patients, a CSV file."""
    rng = np.random.default_rng([seed, len(STREAMS)])
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "phone_number", "first_name", "last_name"])
    for number in range(1, patient_count + 1):
        first, last = rng.integers(len(_FIRST_NAMES)), rng.integers(len(_LAST_NAMES))
        # 030 23125 000 to 999: numbers that the Bundesnetzagentur keeps free for films and books.
        phone = f"+49 30 23125 {rng.integers(1000):03d}"
        writer.writerow([number, phone, _FIRST_NAMES[first], _LAST_NAMES[last]])
    return out.getvalue().encode()


def write_deliveries(incoming: Path, clinic: str = CLINIC, scale: float = 1.0, seed: int = 2026) -> list[Path]:
    """Write days of claims and diagnoses, one delivery a day from 2 March 2026 on; the first one has the patients.

    Parameters
    ----------
    incoming
        The lake's folder ``incoming``.
    scale
        Factor on the number of days, which is two at scale 1.

    Returns
    -------
    The deliveries' folders. Writing the same again changes nothing.

    Raises
    ------
    ValueError
        If the clinic's name is not allowed as a folder, the scale is not positive or the seed is negative.
    FileExistsError
        If a delivery is there already with other content.
    """
    folder = measurement_folder(incoming, clinic, "practice")
    check_scale(scale)
    check_seed(seed)
    message_count = max(1, round(MESSAGE_COUNT * scale))
    days: dict[Path, None] = {}
    for kind in STREAMS:
        stream, late = Stream(kind, seed), np.random.default_rng([seed, STREAMS.index(kind), 1])
        per_file = round(_FILE_SECONDS / SECONDS_BETWEEN)
        for begin in range(0, message_count, per_file):
            times = [
                # A message is up to a tenth of a second late.
                FIRST_DAY + timedelta(seconds=SECONDS_BETWEEN * number, microseconds=int(late.integers(100_000)))
                for number in range(begin, min(begin + per_file, message_count))
            ]
            lines = [received(stream.draw(), at) for at in times]
            day = folder / f"{times[0]:%Y-%m-%d}"
            write_file(day / f"{kind}-{times[0]:%Y-%m-%dT%H%M%S.%f}Z.ndjson", _file(lines))
            days[day] = None
    write_file(next(iter(days)) / "patient.csv", patient_file(seed))
    return list(days)


def _file(lines: Sequence[str]) -> bytes:
    return "\n".join([*lines, ""]).encode()


def _claim(without: str | None = None, **changes: object) -> bytes:
    return _record({"id": 1, "patient_id": 1, "code": "03230", "price": 3}, without, changes)


def _diagnosis(without: str | None = None, **changes: object) -> bytes:
    return _record({"id": 1, "patient_id": 1, "icd10_code": "R41.3"}, without, changes)


def _record(record: dict[str, object], without: str | None, changes: dict[str, object]) -> bytes:
    record = {"received_at": "2026-03-04T00:00:00.000000Z"} | record | changes
    return json.dumps({key: value for key, value in record.items() if key != without}).encode() + b"\n"


# Content of the file of each case, by the file's name. None of them has a good record.
BAD_INPUTS: dict[str, bytes] = {
    "claim-cut-off.ndjson": _claim()[:-10],
    "claim-not-utf8.ndjson": _claim().replace(b"03230", b"\xff\xfe230"),
    "claim-nul.ndjson": _claim(code="032\x0030"),
    "claim-array.ndjson": b"[1, 2]\n",
    "claim-empty.ndjson": b"",
    "claim-refused-by-the-listener.ndjson": b'{"_refused": "the frame ends after 4 of 56 bytes", "_text": "{\\"id"}\n',
    "claim-id-missing.ndjson": _claim(without="id"),
    "claim-id-beyond-64-bits.ndjson": _claim(id=2**63),
    "claim-id-fraction.ndjson": _claim(id=1.5),
    "claim-patient-text.ndjson": _claim(patient_id="seven"),
    "claim-code-number.ndjson": _claim(code=3230),
    "claim-price-missing.ndjson": _claim(without="price"),
    "claim-price-negative.ndjson": _claim(price=-3),
    "claim-price-1e400.ndjson": _claim(price=0).replace(b'"price": 0', b'"price": 1e400'),
    "claim-price-three-decimals.ndjson": _claim(price=3.005),
    "claim-received-at-missing.ndjson": _claim(without="received_at"),
    "claim-received-at-of-another-zone.ndjson": _claim(received_at="2026-03-04T01:00:00+01:00"),
    "claim-received-in-the-future.ndjson": _claim(received_at="2999-03-04T00:00:00Z"),
    "diagnosis-code-missing.ndjson": _diagnosis(without="icd10_code"),
    "diagnosis-code-in-words.ndjson": _diagnosis(icd10_code="asthma"),
    "diagnosis-code-object.ndjson": _diagnosis(icd10_code={"code": "J44.9"}),
    "patient-without-id.csv": b"number,phone_number\n1,+49 30 23125 001\n",
    "patient-short-row.csv": b"id,phone_number,first_name,last_name\n2000,+49 30 23125 001\n",
    "patient-id-text.csv": b"id,phone_number,first_name,last_name\nseven,+49 30 23125 001,Ada,Haas\n",
    "patients.xlsx": b"PK\x03\x04",
}


def write_bad_inputs(incoming: Path, clinic: str = CLINIC, seed: int = 2026) -> dict[str, list[Path]]:
    """Write the delivery ``2026-03-04-bad-input``, one file for each case of ``BAD_INPUTS``.

    Returns
    -------
    The files of each case, by its name. Writing the same again changes nothing.

    Raises
    ------
    ValueError, FileExistsError
        As ``write_deliveries``.
    """
    folder = measurement_folder(incoming, clinic, "practice") / BAD_INPUT_DELIVERY
    check_seed(seed)
    for name, content in BAD_INPUTS.items():
        write_file(folder / name, content)
    return {name: [folder / name] for name in BAD_INPUTS}
