"""Dated facts on models: what the shipped data says, what the user overrules, what a call costs. Fetches nothing."""
