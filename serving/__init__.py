"""The one door: apps, API and metrics on the published file, as one ASGI app."""
