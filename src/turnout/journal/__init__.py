"""Where a worker's records go without anyone waiting: segments on disk, written and read."""
