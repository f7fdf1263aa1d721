"""Search for sets of features: criteria, forward selection, backward elimination, stopping."""
