"""Frozen values that cross the house's floors. No behaviour beyond reading themselves.

``gc=False`` marks what every request leaves behind: such values hold no cycles, and the collector's walks over them cost more than
reading them from disk.
"""
