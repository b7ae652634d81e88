"""Pairs of floats whose sum is the number: 31 digits, at the speed of whole arrays."""
