"""What agreement and disagreement weigh: a table, learnt beforehand, adapted to the data at hand."""
