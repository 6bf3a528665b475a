"""What was thought of answers: read, weighed, and told apart."""
