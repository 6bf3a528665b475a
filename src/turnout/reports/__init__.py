"""What is written about a stretch of time, or about somebody's logs: the weekly review, the audit of an existing set-up."""
