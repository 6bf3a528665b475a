"""Wire protocols: a package each, knowing both sides. Front, providers and sim all use them, so a protocol lives here and nowhere else."""
