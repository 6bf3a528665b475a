"""Statistics of trials and benchmarks: pure, sequential, valid whenever one looks."""
