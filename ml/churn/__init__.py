"""Who will stop buying: the chance of no purchase within the horizon, trained on the past only."""
