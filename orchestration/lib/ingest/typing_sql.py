"""SQL that casts the texts of records to the types of their contract, and finds the values that do not fit."""

from collections.abc import Iterator, Sequence

from orchestration.lib.contract.entity import Entity, Field
from orchestration.lib.core.sql import quote_name, quote_text

_WHOLE_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")


def value_keys(entity: Entity) -> list[str]:
    """List every key of the entity's records, aliases included."""
    return [key for item in entity.fields for key in item.keys]


def value_columns(entity: Entity) -> list[str]:
    """Name the column of each key's texts.

    They are numbered: to SQL ``timestamp`` and ``timeStamp`` are the same name, to providers they are not.
    """
    return [f"value_{index}" for index in range(len(value_keys(entity)))]


def typing_sql(entity: Entity, today: str) -> tuple[list[str], str]:
    """Write SQL that casts the texts of a record to typed columns, and SQL of its problem, null if there is none.

    Parameters
    ----------
    today
        Today's date, UTC, as ``YYYY-MM-DD``.
    """
    columns, problems = [], []
    for item, own in _own_columns(entity):
        text = text_sql(own)
        columns.append(f'{_cast(item, text)} as "{item.name}"')
        problems.append(_problem(item, text, today))
    return columns, f"nullif(concat_ws('; ', {', '.join(problems)}), '')" if problems else "null"


def _own_columns(entity: Entity) -> Iterator[tuple[Field, list[str]]]:
    """List every field with the columns of the texts under its keys."""
    remaining = value_columns(entity)
    for item in entity.fields:
        own, remaining = remaining[: len(item.keys)], remaining[len(item.keys) :]
        yield item, own


def text_sql(own: Sequence[str]) -> str:
    """Write SQL of a field's text: the first of its columns that is not blank."""
    texts = [f"nullif(trim({column}), '')" for column in own]
    return texts[0] if len(texts) == 1 else f"coalesce({', '.join(texts)})"


def _cast(item: Field, value: str) -> str:
    if item.cast:
        return f"({item.cast.format(value=value)})"
    if item.type == "VARCHAR":
        return value
    if item.type in _WHOLE_NUMBERS:
        # DuckDB would round 2.7 to 3: a whole number is one whose decimals, if any, are zero.
        return (
            f"(case when {_has_digits_only(value)} then try_cast({value} as {item.type}) "
            f"when try_cast({value} as double) = trunc(try_cast({value} as double)) "
            f"then try_cast({value} as {item.type}) end)"
        )
    if item.type == "DOUBLE":
        return f"(case when isfinite(try_cast({value} as double)) then try_cast({value} as double) end)"
    if item.type in ("DATE", "TIMESTAMP"):
        # 'infinity' is a day to DuckDB.
        return f"(case when isfinite(try_cast({value} as {item.type})) then try_cast({value} as {item.type}) end)"
    return f"try_cast({value} as {item.type})"


def _has_digits_only(value: str) -> str:
    """Write SQL that is true of a number without decimals and exponent: three searches, half the time of a pattern."""
    return f"not (contains({value}, '.') or contains({value}, 'e') or contains({value}, 'E'))"


def _problem(item: Field, value: str, today: str) -> str:
    cast = _cast(item, value)
    expected = f"expected {item.expected}"
    missing = wrong_value = ""
    if item.is_required:
        missing = f"when {value} is null then " + quote_text(f"{item.name} is missing: {expected}")
    if item.check:
        wrong_value = f" or not ({_check(item.check, cast, today)})"
    wrong = f"format('{{}} is ''{{}}'': {{}}', {quote_text(item.name)}, left({value}, 100), {quote_text(expected)})"
    return f"case {missing} when {value} is not null and ({cast} is null{wrong_value}) then {wrong} end"


def _check(check: str, value: str, today: str) -> str:
    return check.format(value=value, today=f"{quote_text(today)}::date")


def bulk_sql(entity: Entity, files: Sequence[str], today: str) -> str:
    """Write SQL of the fast path: typed columns, one row a record, in the order of the files and of their records.

    ``_file`` is the file's place in the list, from 0. ``_is_suspect`` is true where a record has a problem, or has no
    value at all: DuckDB gives such a row for text that it cannot read. The strict path finds the line and the reason.

    Nothing here numbers the rows: DuckDB would then read on one core. The table that is made of them numbers them.
    """
    casts: list[str] = []
    names: list[str] = []
    suspicions: list[str] = []
    for index, (item, own) in enumerate(_own_columns(entity)):
        # Layers, so that a cast is computed once: DuckDB does not see that two `case` are the same.
        typed = f"typed_{index}"
        casts.append(f"{_quick_cast(item, own)} as {typed}")
        names.append(f'{typed} as "{item.name}"')
        suspicions += _suspicions(item, own, typed, today)
    blank = " and ".join(f"{column} is null" for column in value_columns(entity))
    return f"""
        select {", ".join(names)}, file_index as _file, {" or ".join([f"({blank})", *suspicions])} as _is_suspect
        from (
            select *, {", ".join(casts)}
            from (
                select *, {_has_digits_only("whole_numbers")} as has_digits_only
                from (select *, {_whole_numbers(entity)} as whole_numbers from ({_texts_sql(entity, files)}))
            )
        )
    """


def _quick_cast(item: Field, own: Sequence[str]) -> str:
    """Write `_cast` of `text_sql` in a way that is faster for most values: whole numbers, and ASCII without padding."""
    if item.cast or item.type not in _WHOLE_NUMBERS or len(own) > 1:
        texts = [_quick_text(column) for column in own]
        return _cast(item, texts[0] if len(texts) == 1 else f"coalesce({', '.join(texts)})")
    return (
        f"coalesce(try_cast(case when has_digits_only then {own[0]} end as {item.type}), {_cast(item, text_sql(own))})"
    )


def _quick_text(column: str) -> str:
    """Write `text_sql` in a way that is faster for ASCII without padding."""
    return (
        f"(case when {column} >= '!' and {column} < chr(127) and not suffix({column}, ' ') "
        f"and strlen({column}) = length({column}) then {column} else {text_sql([column])} end)"
    )


def _whole_numbers(entity: Entity) -> str:
    """Write SQL of one text of all whole numbers of a record: to search it once is faster than each by itself."""
    own = [columns[0] for item, columns in _own_columns(entity) if item.type in _WHOLE_NUMBERS and len(columns) == 1]
    return f"concat({', '.join(own)})" if own else "''"


def _suspicions(item: Field, own: Sequence[str], typed: str, today: str) -> Iterator[str]:
    """Write conditions on typed values that are true where `_problem` finds a problem."""
    if item.is_required:
        yield f"{typed} is null"
    elif item.cast or item.type != "VARCHAR":
        # `case` rather than `and`: the text is only looked at where it has to be.
        yield f"case when {typed} is null then {text_sql(own)} is not null else false end"
    if item.check:
        yield f"coalesce(not ({_check(item.check, typed, today)}), false)"


def _texts_sql(entity: Entity, files: Sequence[str]) -> str:
    """Write SQL that reads the text of every value, and ``file_index``."""
    keys, columns = value_keys(entity), value_columns(entity)
    # The lake's folders are named key=value, and DuckDB would put these over the record's own values.
    options = "format = 'auto', ignore_errors = true, hive_partitioning = false"
    listed = f"[{', '.join(map(quote_text, files))}]"
    if len({key.lower() for key in keys}) == len(keys):
        typed = ", ".join(f"{quote_text(key)}: 'VARCHAR'" for key in keys)
        source = f"read_json({listed}, columns = {{{typed}}}, {options})"
        values = [quote_name(key) for key in keys]
    else:
        # One call for all keys reads each record once.
        pointers = ", ".join(quote_text(_pointer(key)) for key in keys)
        source = (
            f"(select json_extract_string(json, [{pointers}]) as field_texts, file_index "
            f"from read_json_objects({listed}, {options}))"
        )
        values = [f"field_texts[{index}]" for index in range(1, len(keys) + 1)]
    named = ", ".join(f"{value} as {column}" for value, column in zip(values, columns, strict=True))
    return f"select {named}, file_index from {source}"


def _pointer(key: str) -> str:
    """Write the JSON pointer of a key."""
    return "/" + key.replace("~", "~0").replace("/", "~1")
