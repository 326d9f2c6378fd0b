"""The lake: deliveries, files and claims."""
