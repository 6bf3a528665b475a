"""`turnout doctor`: everything a Turnout stands on, looked at from outside. Nothing is changed, nothing is required."""
