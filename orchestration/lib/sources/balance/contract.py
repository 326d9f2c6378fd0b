"""Describe the files of balance trainers: customers with consents, readings of their phones and step trainers."""

import re

from orchestration.lib.contract.entity import Entity, Field

__all__ = ["BALANCE_ACCELEROMETER", "BALANCE_CUSTOMER", "BALANCE_STEP_TRAINER"]

# Milliseconds of 2000 to 9999: a time in seconds lies before, one in microseconds behind. Taken for milliseconds,
# either would put a record in the wrong place among the others.
_EPOCH_MS = "{value} between 946684800000 and 253402300799999"
_EPOCH_MS_EXPECTED = "a time in milliseconds since 1970, of the years 2000 to 9999"
# Searched by parts, which takes a tenth of the time of a pattern. A colon separates the parts of keys: within one it
# would make them ambiguous.
_EMAIL = "contains({value}, '@') and not contains({value}, ':')"
_EMAIL_EXPECTED = "an email address"

# A customer's record holds consent. To reject one could be to overlook a withdrawal, so it is rejected only if its
# email, device or time is missing or invalid. All other values are text as received, and dbt casts them where it can.
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

ENTITIES = (BALANCE_CUSTOMER, BALANCE_ACCELEROMETER, BALANCE_STEP_TRAINER)
