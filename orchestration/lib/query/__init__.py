"""Reading the published file: SQL, pages, time series, signals, status."""
