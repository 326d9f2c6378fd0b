"""Source ecg: recordings, filtered signals, features."""
