"""The chain of everything that changed what the router does, and its proofs."""
