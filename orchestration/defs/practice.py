"""Practice: the claims, diagnoses and patients of doctor's offices, as the listener and the offices deliver them."""

from orchestration.defs.deliveries import raw_asset
from orchestration.lib import sources

assets = [
    raw_asset(sources.PRACTICE_CLAIM, "Claims as received, each id as often as it came."),
    raw_asset(sources.PRACTICE_DIAGNOSIS, "Diagnoses as received, each id as often as it came."),
    raw_asset(sources.PRACTICE_PATIENT, "Lists of the offices' patients as delivered."),
]
