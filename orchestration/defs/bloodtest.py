"""Define the blood test assets: patients and tests of a clinic's deliveries."""

from orchestration.defs.raw_assets import raw_asset
from orchestration.lib.sources.bloodtest.contract import BLOODTEST_LOG, BLOODTEST_PATIENT

assets = [
    raw_asset(BLOODTEST_PATIENT, "Patients in the selected deliveries, with their doctors, as received."),
    raw_asset(BLOODTEST_LOG, "Blood tests in the selected deliveries, as received."),
]
