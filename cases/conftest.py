"""What pytest leaves alone here unless it is named: the census has thousands of calls."""

collect_ignore = ["census"]
