"""Customer value over a horizon: BG/NBD × gamma-gamma on contribution margin, beside a rule done by hand."""
