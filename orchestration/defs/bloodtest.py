"""Blood tests: what comes from a clinic's deliveries, patients and tests side by side."""

from orchestration.defs.deliveries import raw_asset
from orchestration.lib import sources

assets = [
    raw_asset(sources.BLOODTEST_PATIENT, "Patients in the chosen deliveries, with their doctors, as received."),
    raw_asset(sources.BLOODTEST_LOG, "Blood tests in the chosen deliveries, as received."),
]
