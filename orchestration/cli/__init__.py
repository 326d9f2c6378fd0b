"""The command `vitalhouse`."""
