"""Numbers in, numbers out: signal transforms on numpy and scipy alone."""
