"""What a steward sets about golden records: rules of survivorship, stages of the lifecycle, corrections."""
