"""Every fault a provider can have, in each phase of an answer, and what becomes of it: asked for real, published, compared.

``python -m tools.fault_matrix`` asks every cell of a real gateway and says where it differs from docs/reference/fault-matrix.md;
with ``--write`` it writes that page.
"""
