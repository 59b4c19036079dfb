"""Who is who: clusters of matched records and the ids that stay with them."""
