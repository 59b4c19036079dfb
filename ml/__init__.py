"""What the models say: segments, customer value, churn, leads, recommendations; `identity` says who is who.

Each model is a package with `score.run(connection, config, as_of, models_directory) -> ModelResult`. It reads
the schema `features`, learns from the past only and writes its table of the schema `ml` beside its rows of
`ml.model_report`. Nothing here reads the clock, the environment or the network.
"""

from ml.tables import ensure_tables

__all__ = ["ensure_tables"]
