"""What agreement and disagreement weigh: weights as a table, learnt beforehand, adapted to the data at hand."""
