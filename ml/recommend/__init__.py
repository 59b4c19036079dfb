"""What to offer a customer: to buy again by their own decayed counts, to discover by item cosine."""
