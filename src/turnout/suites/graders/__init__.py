"""What an answer to a case is worth."""
