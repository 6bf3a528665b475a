"""What the spine calls to have a request answered: the plan, what was given before, what is left when every model failed; its records."""
