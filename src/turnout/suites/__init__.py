"""Benchmarks on the user's own work: cases, graders, runs."""
