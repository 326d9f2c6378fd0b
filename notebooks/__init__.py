"""Notebooks and apps on the published warehouse; the modules that begin with an underscore are what they share."""
