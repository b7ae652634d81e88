"""The array libraries, one file each: arrays, namespace, devices, transforms."""

from xgrad.frameworks.base import Framework, Transforms, leaves
from xgrad.frameworks.visit import as_guest, guest
from xgrad.frameworks.namespace import Namespace
from xgrad.frameworks.registry import find_framework, frameworks
