"""Practice: the claims, diagnoses and patients of doctor's offices, as the listener and the offices deliver them."""

from orchestration.defs.raw_assets import raw_asset
from orchestration.lib.sources.practice.contract import PRACTICE_CLAIM, PRACTICE_DIAGNOSIS, PRACTICE_PATIENT

assets = [
    raw_asset(PRACTICE_CLAIM, "Claims as received, each id as often as it came."),
    raw_asset(PRACTICE_DIAGNOSIS, "Diagnoses as received, each id as often as it came."),
    raw_asset(PRACTICE_PATIENT, "Lists of the offices' patients as delivered."),
]
