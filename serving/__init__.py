"""The web server: notebooks as apps, API and metrics on the published file."""
