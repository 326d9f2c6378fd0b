"""Wearable: readings of participants' watches, their nights, and the study's roster."""

from orchestration.defs.deliveries import raw_asset
from orchestration.lib import sources

assets = [
    raw_asset(sources.WEARABLE_ROSTER, "Participants of a study as each roster lists them."),
    raw_asset(sources.WEARABLE_SLEEP, "Nights as a Fitbit export logs them."),
    raw_asset(sources.WEARABLE_READING, "Readings as delivered, of every metric, each as often as it came."),
]
