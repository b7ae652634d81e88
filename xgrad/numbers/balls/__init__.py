"""Balls: real numbers of 256 bits and more with an error bound (python-flint, Arb)."""
