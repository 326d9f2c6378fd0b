"""Loading: from pending files to raw rows, in one transaction."""
