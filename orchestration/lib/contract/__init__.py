"""Source contracts: the types that describe kinds of file."""
