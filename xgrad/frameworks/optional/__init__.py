"""Frameworks that are extras of this package, one file each: they run where a method names them."""
