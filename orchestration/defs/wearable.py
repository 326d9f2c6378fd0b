"""Define the wearable assets: readings of participants' watches, their nights, and the study's roster."""

from orchestration.defs.raw_assets import raw_asset
from orchestration.lib.sources.wearable.contract import WEARABLE_READING, WEARABLE_ROSTER, WEARABLE_SLEEP

assets = [
    raw_asset(WEARABLE_ROSTER, "Participants of a study as each roster lists them."),
    raw_asset(WEARABLE_SLEEP, "Nights as a Fitbit export logs them."),
    raw_asset(WEARABLE_READING, "Readings of every metric as delivered; a reading may occur several times."),
]
