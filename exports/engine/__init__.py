"""The sync engine: plans what changed, sends it, knows after any crash what the destination has."""
