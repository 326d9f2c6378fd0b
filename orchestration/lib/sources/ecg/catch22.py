"""Compute general features of a time series (catch22), where the extra ``features`` is installed.

They know nothing of hearts: a yardstick for features that do.

References
----------
Lubba, C. H. et al. (2019). catch22: CAnonical Time-series CHaracteristics. Data Min. Knowl. Discov. 33, 1821-1852.
"""

from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt

# Three times the filter's upper edge of 40 Hz: some of the features look at neighbouring samples, and take 3 ms instead
# of 18 for 20 s at 500 Hz.
ANALYSIS_HZ = 125.0
# Of longer runs the beginning, which bounds the time that they take.
LONGEST_S = 60.0
# Whether the package that computes them is installed.
IS_AVAILABLE = find_spec("pycatch22") is not None


def general_features(filtered_mv: npt.NDArray[np.floating[Any]], sampling_rate_hz: float) -> dict[str, float]:
    """Compute the 22 features of a run, of its first 60 s at about 125 Hz, by the names that their authors gave them.

    Parameters
    ----------
    filtered_mv
        Filtered signal of a usable run, from the end of its flat start on, shape ``(n_samples,)``.
    sampling_rate_hz
        Samples a second.
    """
    import pycatch22

    step = max(1, round(sampling_rate_hz / ANALYSIS_HZ))
    features = pycatch22.catch22_all(filtered_mv[: round(LONGEST_S * sampling_rate_hz) : step].tolist(), catch24=False)
    return dict(zip(features["names"], map(float, features["values"]), strict=True))
