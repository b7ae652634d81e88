"""Kernels that are right in plain use and wrong when called otherwise, with mended twins."""
