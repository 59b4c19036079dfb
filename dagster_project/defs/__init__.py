"""The assets by stage of the customer's data: ingest, transform, models, quality, activate, automation."""
