"""The parts of tools/build_catalog.py: what the sources say of prices, what they say of everything else, and the priors."""
