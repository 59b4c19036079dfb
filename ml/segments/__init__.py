"""RFM scores, named segments, value classes and the strategy of each, with frozen cut points."""
