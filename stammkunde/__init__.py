"""What every stage shares: configuration, the home directory, durable files, the warehouse, publication."""
