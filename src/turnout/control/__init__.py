"""The control plane: brings the journal into the ledger and shows what it says."""
