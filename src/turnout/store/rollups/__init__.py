"""Sums over minutes, hours and days, made anew from the ledger's rows whenever these change."""
