"""The routes of the API, one module a source."""

from serving.routes import catalog, ecg, practice, wearable

ROUTERS = (ecg.router, wearable.router, practice.router, catalog.router)
