"""Who serves: known vendors, what it takes to call one model, and the way out to it."""
