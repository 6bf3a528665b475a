"""Deciding: classify -> choose a route -> match -> price -> order. Pure: no clock, no chance, no I/O; see ADR 1."""
