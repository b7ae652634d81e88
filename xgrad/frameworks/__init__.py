"""The array libraries, one file each: arrays, namespace, devices, transforms."""

from xgrad.frameworks.base import Children, Framework, Transforms, leaves
from xgrad.frameworks.namespace import Namespace
from xgrad.frameworks.registry import OPTIONAL, find_framework, frameworks, require_installed
from xgrad.frameworks.third_parties import CASES, Refused, TECHNIQUES, broken_plugins, leave_out
from xgrad.frameworks.third_parties import plugins, require_named
from xgrad.frameworks.visit import as_guest, guest, random_numbers_kept
