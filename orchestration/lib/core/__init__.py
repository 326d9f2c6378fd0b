"""Helpers that every package uses: home, errors, lock, clock, progress, atomic files, SQL quoting."""
