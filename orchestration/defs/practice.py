"""Define the practice assets: claims, diagnoses and patients as the listener and the doctor's offices deliver them."""

from orchestration.defs.raw_assets import raw_asset
from orchestration.lib.sources.practice.contract import PRACTICE_CLAIM, PRACTICE_DIAGNOSIS, PRACTICE_PATIENT

assets = [
    raw_asset(PRACTICE_CLAIM, "Insurance claims as received; an id may occur several times."),
    raw_asset(PRACTICE_DIAGNOSIS, "Diagnoses as received; an id may occur several times."),
    raw_asset(PRACTICE_PATIENT, "Lists of the offices' patients as delivered."),
]
