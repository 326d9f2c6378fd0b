"""Source wearable: readings of a study's watches."""
