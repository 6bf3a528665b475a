"""What outcomes and benchmarks teach: the matrix, and what another policy would have done."""
