"""Blood tests: what comes from a clinic's deliveries, patients and tests side by side."""

from orchestration.defs.raw_assets import raw_asset
from orchestration.lib.sources.bloodtest.contract import BLOODTEST_LOG, BLOODTEST_PATIENT

assets = [
    raw_asset(BLOODTEST_PATIENT, "Patients in the chosen deliveries, with their doctors, as received."),
    raw_asset(BLOODTEST_LOG, "Blood tests in the chosen deliveries, as received."),
]
