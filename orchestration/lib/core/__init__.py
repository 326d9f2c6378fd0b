"""What every part uses: home, errors, lock, clock, progress, atomic files, SQL quoting."""
