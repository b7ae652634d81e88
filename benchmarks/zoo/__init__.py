"""Kernels that are right in plain use and wrong when they are called otherwise, with mended twins."""
