"""Frozen values that cross the house's floors. No behaviour beyond reading themselves."""
