"""The AD benchmarks as one would write them for a single framework, by hand."""
