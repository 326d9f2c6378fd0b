"""Describe the options that one generator alone has."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Option:
    """A whole number that ``write_deliveries`` of one source takes, by its ``name``."""

    name: str
    help: str
    minimum: int | None = None
    maximum: int | None = None

    @property
    def flag(self) -> str:
        """Return the option as it is typed: ``--interval-seconds``."""
        return f"--{self.name.replace('_', '-')}"
