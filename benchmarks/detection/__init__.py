"""Other derivative checkers before planted mistakes: what peers.py runs."""
