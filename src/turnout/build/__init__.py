"""The composition roots, one per process: supervisor, gateway, control. Parts are made here, handed down, and nowhere else."""
