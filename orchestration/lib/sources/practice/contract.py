"""Describe the files of a doctor's office: claims and diagnoses as received, and the list of its patients."""

import re

from orchestration.lib.contract.entity import Entity, Field, RejectedRecordKeys

__all__ = ["PRACTICE_CLAIM", "PRACTICE_DIAGNOSIS", "PRACTICE_PATIENT", "REJECTED_RECORD_KEYS"]

# The listener writes messages that it cannot read into the same files.
REJECTED_RECORD_KEYS = RejectedRecordKeys(reason="_refused", raw_text="_text")

_RECEIVED_AT = Field(
    "received_at",
    "TIMESTAMP",
    "a UTC time such as 2026-11-22T09:15:00.123456Z that is not in the future",
    is_required=True,
    # DuckDB's own cast would pass over another zone's offset without a word.
    cast="try_strptime({value}, ['%Y-%m-%dT%H:%M:%S.%fZ', '%Y-%m-%dT%H:%M:%SZ'])",
    # One day of grace: a load that began before midnight reads messages of the next day.
    check="{value}::date between date '2000-01-01' and {today} + 1",
)

PRACTICE_CLAIM = Entity(
    measurement="practice",
    name="claim",
    path_pattern=re.compile(r"claim(-[^/]*)?\.ndjson"),
    path_example="claim-<any>.ndjson",
    rejected_record_keys=REJECTED_RECORD_KEYS,
    fields=(
        Field("id", "BIGINT", "a whole number of up to 64 bits", is_required=True),
        Field("patient_id", "BIGINT", "a whole number of up to 64 bits", is_required=True),
        # A tariff's item has five digits, some with a letter behind them (KBV, Einheitlicher Bewertungsmaßstab). One
        # that was sent as a number has lost its leading zero: it is refused, not misread.
        Field(
            "code",
            "VARCHAR",
            "a claim code of five digits as text, such as 03230",
            is_required=True,
            check="regexp_full_match({value}, '[0-9]{{5}}[A-Z]?')",
        ),
        # Up to ten billion euros. DuckDB's cast would round a third decimal away.
        Field(
            "price",
            "DECIMAL(12,2)",
            "an amount in euros of 0 or more, with up to two decimals",
            is_required=True,
            cast=(
                "case when try_cast({value} as decimal(12,2)) = try_cast({value} as decimal(38,18)) "
                "then try_cast({value} as decimal(12,2)) end"
            ),
            check="{value} >= 0",
        ),
        _RECEIVED_AT,
    ),
)

PRACTICE_DIAGNOSIS = Entity(
    measurement="practice",
    name="diagnosis",
    path_pattern=re.compile(r"diagnosis(-[^/]*)?\.ndjson"),
    path_example="diagnosis-<any>.ndjson",
    rejected_record_keys=REJECTED_RECORD_KEYS,
    fields=(
        Field("id", "BIGINT", "a whole number of up to 64 bits", is_required=True),
        Field("patient_id", "BIGINT", "a whole number of up to 64 bits", is_required=True),
        # A letter, a digit, a digit or letter, and up to four places behind the point (WHO; ICD-10-CM, FY 2026).
        Field(
            "icd10_code",
            "VARCHAR",
            "an ICD-10 code such as R41.3",
            is_required=True,
            check="regexp_full_match(upper({value}), '[A-Z][0-9][0-9A-Z]([.][0-9A-Z]{{1,4}})?')",
        ),
        _RECEIVED_AT,
    ),
)

PRACTICE_PATIENT = Entity(
    measurement="practice",
    name="patient",
    path_pattern=re.compile(r"patient(-[^/]*)?\.csv"),
    path_example="patient.csv",
    file_format="csv",
    fields=(
        Field("id", "BIGINT", "a whole number of up to 64 bits", is_required=True),
        Field("phone_number", "VARCHAR", "a telephone number"),
        Field("first_name", "VARCHAR", "a name"),
        Field("last_name", "VARCHAR", "a name"),
    ),
)

ENTITIES = (PRACTICE_CLAIM, PRACTICE_DIAGNOSIS, PRACTICE_PATIENT)
