"""When what the nightly run makes has to be there."""

from datetime import timedelta

import dagster as dg

TIMEZONE = "Europe/Berlin"
NIGHTLY_RUN = "0 3 * * *"
BY_MORNING = dg.FreshnessPolicy.cron(
    deadline_cron="0 6 * * *", lower_bound_delta=timedelta(hours=6), timezone=TIMEZONE
)
"""Made anew between midnight and six: the nightly run has three hours."""
