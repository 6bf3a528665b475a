"""What was asked and answered, made safe to keep: without what identifies people or opens doors (redact), sealed (seal), opened again (open)."""
