"""Which leads will become customers, judged by what was known when they were captured."""
