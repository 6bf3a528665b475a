"""Simulated providers: real HTTP, both dialects, seeded quality, latency, price and faults. Nothing here serves real traffic."""
