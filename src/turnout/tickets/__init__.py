"""Requests that people answer: durable from the moment they are handed over."""
