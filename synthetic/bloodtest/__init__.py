"""Sample deliveries of blood tests."""

from synthetic.bloodtest.write import write_bad_inputs, write_deliveries

__all__ = ["write_bad_inputs", "write_deliveries"]
