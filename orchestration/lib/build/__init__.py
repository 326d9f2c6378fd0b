"""Builds: plan, run and report them."""
