"""The array libraries, one file each: arrays, namespace, devices, transforms.

Who writes a framework outside of this package takes from here `Framework` and `Transforms`, whose
docstrings are the contract, `Namespace` for its `xp`, and what need not be written:
`NumpyLike` (the standard's names from NumPy's), `elementary_extras`, `derivatives_inside`.
"""

from xgrad.frameworks.base import Children, Framework, Transforms, leaves
from xgrad.frameworks.inside import derivatives_inside
from xgrad.frameworks.namespace import Namespace
from xgrad.frameworks.numpy_like import NumpyLike, elementary_extras
from xgrad.frameworks.registry import OPTIONAL, find_framework, frameworks, require_installed
from xgrad.frameworks.third_parties import CASES, Refused, TECHNIQUES, broken_plugins, leave_out
from xgrad.frameworks.third_parties import plugins, require_named
from xgrad.frameworks.visit import as_guest, guest, random_numbers_kept
