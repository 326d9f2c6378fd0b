"""Describe the files of blood tests: patients and the log of their tests, from a clinic's labs."""

import re

from orchestration.lib.contract.entity import Entity, Field

__all__ = ["BLOODTEST_LOG", "BLOODTEST_PATIENT"]

# An id is part of keys whose parts a colon separates.
_ID = "an id without a colon"
_IS_ID = "not contains({value}, ':')"

# Epoch time: below 1e11 it can only be seconds (1e11 s is the year 5138, 1e11 ms is 3 March 1973), from 1e14 on only
# microseconds or worse (1e14 ms is the year 5138, 1e14 us is 3 March 1973), which are no format that was agreed on. A
# double holds every whole number below 2^53 = 9e15 exactly.
_EPOCH_TIME = (
    "case "
    "when abs(try_cast({value} as double)) < 1e11 then epoch_ms((try_cast({value} as double) * 1000)::bigint) "
    "when abs(try_cast({value} as double)) < 1e14 then epoch_ms(try_cast({value} as double)::bigint) "
    "end"
)

BLOODTEST_PATIENT = Entity(
    measurement="bloodtest",
    name="patient",
    path_pattern=re.compile(r"patient_data/[^/]+\.json"),
    path_example="patient_data/<name>.json",
    fields=(
        Field("id", "VARCHAR", _ID, is_required=True, check=_IS_ID),
        Field("age", "INTEGER", "an age in whole years"),
        Field("sex", "INTEGER", "1 for female or 2 for male"),
        Field("height", "DOUBLE", "a height in cm"),
        Field("weight", "DOUBLE", "a weight in kg"),
        Field("first_name", "VARCHAR", "a name"),
        Field("last_name", "VARCHAR", "a name"),
        Field("address", "VARCHAR", "an address"),
        Field("practice", "VARCHAR", "the name of a practice", aliases=("clinic",)),
        Field("doc_name", "VARCHAR", "a name"),
        Field("doc_id", "VARCHAR", _ID, check=_IS_ID),
    ),
)

BLOODTEST_LOG = Entity(
    measurement="bloodtest",
    name="log",
    path_pattern=re.compile(r"log_data/[^/]+\.json"),
    path_example="log_data/<name>.json",
    fields=(
        Field("ap_hi", "INTEGER", "a systolic pressure in whole mmHg"),
        Field("ap_lo", "INTEGER", "a diastolic pressure in whole mmHg"),
        Field("cholesterol", "INTEGER", "a level, 1 to 3"),
        Field("gluc", "INTEGER", "a level, 1 to 3"),
        Field("smoke", "INTEGER", "0 or 1"),
        Field("alco", "INTEGER", "0 or 1"),
        Field("active", "INTEGER", "0 or 1"),
        Field("cardio", "INTEGER", "0 or 1"),
        Field("lab_id", "VARCHAR", _ID, check=_IS_ID),
        Field("city", "VARCHAR", "the name of a city"),
        Field("patient_id", "VARCHAR", _ID, is_required=True, check=_IS_ID),
        Field("lab_name", "VARCHAR", "the name of a lab"),
        Field(
            "date",
            "TIMESTAMP",
            "epoch time in milliseconds or seconds, from 1980 to today",
            is_required=True,
            cast=_EPOCH_TIME,
            # Clocks that were never set count from 1970 or 1980; milliseconds before March 1973 would pass for seconds.
            # One day of grace, for clocks that are set to local time.
            check="{value} >= timestamp '1980-01-02' and {value} < {today} + 2",
        ),
    ),
)

ENTITIES = (BLOODTEST_PATIENT, BLOODTEST_LOG)
