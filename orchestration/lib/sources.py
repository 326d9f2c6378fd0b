"""The source contracts: which files a measurement consists of, and the raw tables their rows land in.

A new source is a new group of entities here, a defs module and dbt models. The loader, the catalog and the command line
read these contracts and know no source by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.lib.wearable_file import FileContent

LINEAGE = {"_raw_path": "VARCHAR", "_row_number": "BIGINT", "_load_id": "BIGINT", "_loaded_at": "TIMESTAMP"}


@dataclass(frozen=True)
class Table:
    """A table that the loader writes: its schema-qualified name and its pinned columns."""

    name: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Field:
    """One value of a record.

    Parameters
    ----------
    name
        Column of the raw table, and the key under which the provider writes it.
    type
        Pinned DuckDB type.
    expected
        What a valid value is, in words that complete "expected …".
    aliases
        Other keys under which providers have written the same value.
    cast
        SQL that turns the text ``{value}`` into the type, null where it does not fit. Default: an exact cast.
    check
        SQL over the cast ``{value}`` that is true where the value is acceptable; ``{today}`` is today's date, UTC.
    """

    name: str
    type: str
    expected: str
    is_required: bool = False
    aliases: tuple[str, ...] = ()
    cast: str | None = None
    check: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key that this value may stand under, the preferred one first."""
        return (self.name, *self.aliases)


@dataclass(frozen=True)
class Entity:
    """One kind of file of a measurement.

    Parameters
    ----------
    path_pattern
        Regular expression on the whole path below the delivery.
    path_example
        The same for people, in the message about a file that no pattern fits.
    path_columns
        Columns that come from the path: name to (type, function of the pattern's match).
    record_key
        Names what the file is about within a clinic, from the pattern's match. Files of one key supersede each other:
        the latest delivery is current. ``None`` where a file has no such identity (a file of many records).
    partner
        Entity that must have come for the same record key before this file is loaded.
    fields
        The record's values. Empty where the file is not a file of records but input of a transform.
    is_single_record
        Whether a file holds one record and no more.
    file_format
        How records are written: ``json`` (objects) or ``csv`` (a header line that names the values).
    reader
        Reads a whole file (unpacked bytes, the pattern's match) where records are not one object or line each. It gives
        the fields' columns, typed, and ``_row_number``; ``fields`` then only say the columns.
    series
        With a reader, always: text fields that thousands of rows of a file share. They and what else the rows of a file
        have in common are kept once (table ``…_series``), the other fields in rows of numbers (``…_value``); the raw
        table is a view of both. Text, even if it is always the same, would be most of the work: with it 2.6 million
        readings took 1.5 s of a processor to insert, without it 0.25 s.
    """

    measurement: str
    name: str
    path_pattern: re.Pattern[str]
    path_example: str
    path_columns: Mapping[str, tuple[str, Callable[[re.Match[str]], object]]] = field(default_factory=dict)
    record_key: Callable[[re.Match[str]], str] | None = None
    partner: str | None = None
    fields: tuple[Field, ...] = ()
    is_single_record: bool = False
    file_format: str = "json"
    reader: Callable[[bytes, re.Match[str]], FileContent] | None = None
    series: tuple[str, ...] = ()

    @cached_property
    def table(self) -> Table:
        """The raw table of this entity's records."""
        columns = {"clinic": "VARCHAR", "delivery": "VARCHAR"}
        columns |= {name: sql_type for name, (sql_type, _) in self.path_columns.items()}
        columns |= {item.name: item.type for item in self.fields}
        return Table(f"raw.{self.measurement}_{self.name}", columns | LINEAGE)

    @cached_property
    def stored(self) -> tuple[Table, ...]:
        """The tables that hold this entity's records: the raw table, or the two that it is a view of."""
        if not self.series:
            return (self.table,) if self.fields else ()
        columns = dict(self.table.columns)
        in_value = [name for name in columns if name == "_row_number" or name in self._value_fields]
        return (
            Table(
                f"{self.table.name}_series",
                {"series_id": "BIGINT"} | {name: columns[name] for name in columns if name not in in_value},
            ),
            Table(f"{self.table.name}_value", {"series_id": "BIGINT"} | {name: columns[name] for name in in_value}),
        )

    @property
    def _value_fields(self) -> tuple[str, ...]:
        return tuple(item.name for item in self.fields if item.name not in self.series)

    @property
    def view_sql(self) -> str | None:
        """SQL that makes the raw table a view of the two that are stored; ``None`` where it is a table."""
        if not self.series:
            return None
        series, value = self.stored
        columns = ", ".join(
            f'{"value" if name in value.columns else "series"}."{name}"' for name in ("series_id", *self.table.columns)
        )
        return (
            f"create view {self.table.name} as select {columns} from {value.name} as value "
            f"inner join {series.name} as series on value.series_id = series.series_id"
        )

    def match(self, path_below: str) -> re.Match[str] | None:
        """Match a path below the delivery against this entity's pattern."""
        return self.path_pattern.fullmatch(path_below)


def subject_text(number: str) -> str:
    """Canonical text of a subject number: at least two digits (``1`` and ``01`` are both ``01``)."""
    return f"{int(number):02d}"


_ECG_PATH_COLUMNS: dict[str, tuple[str, Callable[[re.Match[str]], object]]] = {
    "subject": ("VARCHAR", lambda match: subject_text(match["subject"])),
    "run": ("INTEGER", lambda match: int(match["run"])),
}


def _ecg_record_key(match: re.Match[str]) -> str:
    return f"{subject_text(match['subject'])}:{int(match['run'])}"


# Up to nine digits: what fits INTEGER, the type of the run number.
_ECG_RUN = r"subject_(?P<subject>[0-9]{1,9})/run_(?P<run>[0-9]{1,9})"

ECG_RUN_HEADER = Entity(
    measurement="ecg",
    name="run_header",
    path_pattern=re.compile(_ECG_RUN + r"_header\.json"),
    path_example="subject_<number>/run_<number>_header.json",
    path_columns=_ECG_PATH_COLUMNS,
    record_key=_ecg_record_key,
    partner="run_signal",
    is_single_record=True,
    fields=(
        # 50 Hz is the least that shows a QRS complex (its energy lies at 5-20 Hz); 100 kHz is above any ECG amplifier.
        Field(
            "fs",
            "DOUBLE",
            "a sampling rate in Hz between 50 and 100000",
            is_required=True,
            check="{value} between 50 and 100000",
        ),
        Field(
            "units",
            "VARCHAR",
            "mV or uV",
            is_required=True,
            check="lower(trim({value})) in ('mv', 'uv', 'µv', 'μv')",
        ),
        Field(
            "date",
            "DATE",
            "a day as DD.MM.YYYY or YYYY-MM-DD that is not in the future",
            is_required=True,
            cast="coalesce(try_strptime({value}, '%d.%m.%Y'), try_strptime({value}, '%Y-%m-%d'))::date",
            # One day of grace: at UTC+14 it is already tomorrow.
            check="{value} between date '1900-01-01' and {today} + 1",
        ),
        Field("age", "INTEGER", "an age in whole years"),
        Field("sex", "VARCHAR", "male or female"),
    ),
)

ECG_RUN_SIGNAL = Entity(
    measurement="ecg",
    name="run_signal",
    path_pattern=re.compile(_ECG_RUN + r"\.csv"),
    path_example="subject_<number>/run_<number>.csv",
    path_columns=_ECG_PATH_COLUMNS,
    record_key=_ecg_record_key,
    partner="run_header",
)

# What `python_transforms.ecg` computes for a run; a test holds this equal to `python_transforms.ecg.FEATURES`.
ECG_FEATURE_COLUMNS = {
    "raw_min_mv": "DOUBLE",
    "raw_max_mv": "DOUBLE",
    "filtered_min_mv": "DOUBLE",
    "filtered_max_mv": "DOUBLE",
    "mains_frequency_hz": "DOUBLE",
    "flat_start_sample_count": "BIGINT",
    "interpolated_sample_count": "BIGINT",
    "longest_gap_ms": "DOUBLE",
    "constant_sample_count": "BIGINT",
    "clipped_sample_count": "BIGINT",
    "is_inverted": "BOOLEAN",
    "beat_count": "BIGINT",
    "ectopic_beat_count": "BIGINT",
    "misdetected_beat_count": "BIGINT",
    "nn_interval_count": "BIGINT",
    "heart_rate_bpm": "DOUBLE",
    "mean_nn_ms": "DOUBLE",
    "sdnn_ms": "DOUBLE",
    "rmssd_ms": "DOUBLE",
    "sdsd_ms": "DOUBLE",
    "pnn50_pct": "DOUBLE",
    "r_amplitude_mv": "DOUBLE",
    "qrs_duration_ms": "DOUBLE",
    "pr_interval_ms": "DOUBLE",
    "qt_interval_ms": "DOUBLE",
    "qtc_bazett_ms": "DOUBLE",
    "qtc_fridericia_ms": "DOUBLE",
    "rt_interval_ms": "DOUBLE",
    "p_onset_ms": "DOUBLE",
    "p_peak_ms": "DOUBLE",
    "p_end_ms": "DOUBLE",
    "qrs_onset_ms": "DOUBLE",
    "r_wave_ms": "DOUBLE",
    "qrs_end_ms": "DOUBLE",
    "t_onset_ms": "DOUBLE",
    "t_peak_ms": "DOUBLE",
    "t_end_ms": "DOUBLE",
    "p_amplitude_mv": "DOUBLE",
    "q_amplitude_mv": "DOUBLE",
    "r_wave_amplitude_mv": "DOUBLE",
    "s_amplitude_mv": "DOUBLE",
    "t_amplitude_mv": "DOUBLE",
    "st_level_mv": "DOUBLE",
    "signal_quality": "DOUBLE",
    "quality_index": "DOUBLE",
    "min_quality_index": "DOUBLE",
}

_ECG_RUN_COLUMNS = {"clinic": "VARCHAR", "delivery": "VARCHAR", "subject": "VARCHAR", "run": "INTEGER"}

ECG_RUN_FEATURE = Table(
    "raw.ecg_run_feature",
    _ECG_RUN_COLUMNS
    | {
        "header_raw_path": "VARCHAR",
        "sampling_rate_hz": "DOUBLE",
        "units": "VARCHAR",
        "sample_count": "BIGINT",
        "duration_s": "DOUBLE",
    }
    | ECG_FEATURE_COLUMNS
    | {
        "window_quality": "DOUBLE[]",
        "general_feature_names": "VARCHAR[]",
        "general_feature_values": "DOUBLE[]",
        "is_usable": "BOOLEAN",
        "unusable_reason": "VARCHAR",
        "signal_sha256": "VARCHAR",
        "signal_path": "VARCHAR",
        "transform_version": "VARCHAR",
    }
    | LINEAGE,
)

ECG_RUN_SIMILARITY = Table(
    "raw.ecg_run_similarity",
    {
        "clinic": "VARCHAR",
        "subject": "VARCHAR",
        "other_raw_path": "VARCHAR",
        "correlation": "DOUBLE",
        "transform_version": "VARCHAR",
    }
    | LINEAGE,
)

# What a run's person is known by. It identifies them, as the signal does: raw tables are never published.
ECG_RUN_TEMPLATE = Table(
    "raw.ecg_run_template",
    {
        "clinic": "VARCHAR",
        "subject": "VARCHAR",
        "run": "INTEGER",
        "template_mv": "DOUBLE[]",
        "template_version": "VARCHAR",
    }
    | LINEAGE,
)

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

_RECEIVED_AT = Field(
    "received_at",
    "TIMESTAMP",
    "a UTC time such as 2026-11-22T09:15:00.123456Z that is not in the future",
    is_required=True,
    # DuckDB's own cast would pass over another zone's offset without a word.
    cast="try_strptime({value}, ['%Y-%m-%dT%H:%M:%S.%fZ', '%Y-%m-%dT%H:%M:%SZ'])",
    # One day of grace: a load that began before midnight reads what came after it.
    check="{value}::date between date '2000-01-01' and {today} + 1",
)

PRACTICE_CLAIM = Entity(
    measurement="practice",
    name="claim",
    path_pattern=re.compile(r"claim(-[^/]*)?\.ndjson"),
    path_example="claim-<any>.ndjson",
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

# Milliseconds of 2000 to 9999: a time in seconds lies before, one in microseconds behind. Taken for milliseconds,
# either would put a record in the wrong place among the others.
_EPOCH_MS = "{value} between 946684800000 and 253402300799999"
_EPOCH_MS_EXPECTED = "a time in milliseconds since 1970, of the years 2000 to 9999"
# Looked for by parts, which takes a tenth of the time of a pattern. A colon would make keys ambiguous, whose parts it
# separates.
_EMAIL = "contains({value}, '@') and not contains({value}, ':')"
_EMAIL_EXPECTED = "an email address"

# A customer's record speaks of consent. To refuse one could be to overlook a withdrawal, so it is refused only where it
# does not say whose it is or when it was made: all else is text as received, and dbt reads what it can of it.
BALANCE_CUSTOMER = Entity(
    measurement="balance",
    name="customer",
    path_pattern=re.compile(r"customer/[^/]+\.json"),
    path_example="customer/<any>.json",
    fields=(
        Field("customerName", "VARCHAR", "a name"),
        Field("email", "VARCHAR", _EMAIL_EXPECTED, is_required=True, check=_EMAIL),
        Field("phone", "VARCHAR", "a number"),
        Field("birthDay", "VARCHAR", "a day"),
        Field("serialNumber", "VARCHAR", "a device's serial number", is_required=True),
        Field("registrationDate", "VARCHAR", _EPOCH_MS_EXPECTED),
        Field("lastUpdateDate", "BIGINT", _EPOCH_MS_EXPECTED, is_required=True, check=_EPOCH_MS),
        Field("shareWithResearchAsOfDate", "VARCHAR", _EPOCH_MS_EXPECTED),
        Field("shareWithPublicAsOfDate", "VARCHAR", _EPOCH_MS_EXPECTED),
        Field("shareWithFriendsAsOfDate", "VARCHAR", _EPOCH_MS_EXPECTED),
    ),
)

BALANCE_ACCELEROMETER = Entity(
    measurement="balance",
    name="accelerometer",
    path_pattern=re.compile(r"accelerometer/[^/]+\.json"),
    path_example="accelerometer/<any>.json",
    fields=(
        # `user` means the database's user in SQL.
        Field("email", "VARCHAR", _EMAIL_EXPECTED, is_required=True, aliases=("user",), check=_EMAIL),
        Field(
            "timestamp",
            "BIGINT",
            _EPOCH_MS_EXPECTED,
            is_required=True,
            aliases=("timeStamp",),
            check=_EPOCH_MS,
        ),
        Field("x", "DOUBLE", "an acceleration", is_required=True),
        Field("y", "DOUBLE", "an acceleration", is_required=True),
        Field("z", "DOUBLE", "an acceleration", is_required=True),
    ),
)

BALANCE_STEP_TRAINER = Entity(
    measurement="balance",
    name="step_trainer",
    path_pattern=re.compile(r"step_trainer/[^/]+\.json"),
    path_example="step_trainer/<any>.json",
    fields=(
        Field("sensorReadingTime", "BIGINT", _EPOCH_MS_EXPECTED, is_required=True, check=_EPOCH_MS),
        Field("serialNumber", "VARCHAR", "a device's serial number", is_required=True),
        Field("distanceFromObject", "DOUBLE", "a distance in cm of 0 or more", is_required=True, check="{value} >= 0"),
    ),
)


def _read_readings(content: bytes, match: re.Match[str]) -> FileContent:
    # Imported when there is something to read: who only asks for the contracts needs no numpy.
    from orchestration.lib.wearable_file import read_readings

    return read_readings(content, match["participant"])


_PARTICIPANT = r"participant=(?P<participant>[^/=]+)/"

WEARABLE_ROSTER = Entity(
    measurement="wearable",
    name="roster",
    path_pattern=re.compile(r"roster\.csv"),
    path_example="roster.csv",
    file_format="csv",
    fields=(
        Field("participant_id", "VARCHAR", "an id such as p001, as in the folder participant=p001", is_required=True),
        Field("enrolled_on", "DATE", "a day as YYYY-MM-DD", is_required=True),
        Field("withdrawn_on", "DATE", "a day as YYYY-MM-DD, or nothing", cast="try_cast(nullif({value}, '') as date)"),
        Field(
            "timezone",
            "VARCHAR",
            "an IANA time zone such as Europe/Berlin",
            is_required=True,
            check="{value} in (select name from pg_timezone_names())",
        ),
        Field("has_token", "BOOLEAN", "true or false", is_required=True),
    ),
)

# A night's sleep as the Fitbit export logs it, one object each.
WEARABLE_SLEEP = Entity(
    measurement="wearable",
    name="sleep",
    path_pattern=re.compile(_PARTICIPANT + r"sleep[^/]*\.json(\.gz)?"),
    path_example="participant=<id>/sleep<any>.json[.gz]",
    path_columns={"participant": ("VARCHAR", lambda match: match["participant"])},
    fields=(
        Field("logId", "BIGINT", "a whole number of up to 64 bits", is_required=True),
        Field("dateOfSleep", "DATE", "a day as YYYY-MM-DD", is_required=True),
        Field("startTime", "TIMESTAMP", "a local time as YYYY-MM-DDTHH:MM:SS", is_required=True),
        Field("endTime", "TIMESTAMP", "a local time as YYYY-MM-DDTHH:MM:SS", is_required=True),
        # A day and an hour: nobody sleeps longer, and the clock may change once.
        Field("duration", "BIGINT", "milliseconds from 0 to 25 hours", check="{value} between 0 and 90000000"),
        Field("minutesAsleep", "INTEGER", "minutes from 0 to 1500", check="{value} between 0 and 1500"),
        Field("mainSleep", "BOOLEAN", "true or false"),
        Field("levels", "VARCHAR", "an object"),
    ),
)

WEARABLE_READING = Entity(
    measurement="wearable",
    name="reading",
    path_pattern=re.compile(rf"({_PARTICIPANT}[^/]+\.(json|csv)|[^/]+\.csv)(\.gz)?"),
    path_example="participant=<id>/<metric><any>.json[.gz] or a Fitabase <any>.csv[.gz]",
    reader=_read_readings,
    series=("participant", "metric"),
    fields=(
        Field("participant", "VARCHAR", "a participant"),
        Field("metric", "VARCHAR", "a metric"),
        Field("local_time", "TIMESTAMP", "a local time"),
        Field("utc_time", "TIMESTAMP", "a UTC time"),
        Field("sleep_date", "DATE", "a day"),
        Field("value", "DOUBLE", "a number"),
    ),
)

ENTITIES: tuple[Entity, ...] = (
    ECG_RUN_HEADER,
    ECG_RUN_SIGNAL,
    BLOODTEST_PATIENT,
    BLOODTEST_LOG,
    PRACTICE_CLAIM,
    PRACTICE_DIAGNOSIS,
    PRACTICE_PATIENT,
    BALANCE_CUSTOMER,
    BALANCE_ACCELEROMETER,
    BALANCE_STEP_TRAINER,
    WEARABLE_ROSTER,
    WEARABLE_SLEEP,
    WEARABLE_READING,
)

# Raw tables that a transform fills rather than the loader.
COMPUTED_TABLES: tuple[Table, ...] = (ECG_RUN_FEATURE, ECG_RUN_SIMILARITY, ECG_RUN_TEMPLATE)

MEASUREMENTS: tuple[str, ...] = tuple(dict.fromkeys(entity.measurement for entity in ENTITIES))


def raw_tables() -> tuple[Table, ...]:
    """Every table of the schema ``raw``."""
    return (*(table for entity in ENTITIES for table in entity.stored), *COMPUTED_TABLES)


def raw_views() -> dict[str, str]:
    """Views of the schema ``raw``: the SQL that makes each, by name."""
    return {entity.table.name: entity.view_sql for entity in ENTITIES if entity.view_sql is not None}


def entities_of(measurement: str) -> tuple[Entity, ...]:
    """The kinds of file of one measurement."""
    return tuple(entity for entity in ENTITIES if entity.measurement == measurement)


def recognise(measurement: str, path_below: str) -> tuple[Entity, re.Match[str]] | None:
    """Find the entity that a file belongs to, from its path below the delivery."""
    for entity in entities_of(measurement):
        if match := entity.match(path_below):
            return entity, match
    return None
