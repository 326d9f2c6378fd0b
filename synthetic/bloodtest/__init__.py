"""Write sample deliveries of blood tests."""

from synthetic.bloodtest.bad_inputs import BAD_INPUTS, write_bad_inputs
from synthetic.bloodtest.plan import DELIVERIES, expected_counts
from synthetic.bloodtest.write import write_deliveries, write_further_delivery

__all__ = [
    "BAD_INPUTS",
    "DELIVERIES",
    "expected_counts",
    "write_bad_inputs",
    "write_deliveries",
    "write_further_delivery",
]
