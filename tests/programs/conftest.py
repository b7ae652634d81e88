"""Where the certificates lie that tests and benchmarks share."""

import sys

from checkout import BENCHMARKS

sys.path.insert(0, str(BENCHMARKS))
