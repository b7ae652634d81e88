"""Sparse tensors of torch as their stored values; gradients are read where those are stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from xgrad.frameworks.base import Children

_COMPRESSED = {  # the tensors of places, and whether rows are those that are compressed
    torch.sparse_csr: ("crow_indices", "col_indices", True),
    torch.sparse_csc: ("ccol_indices", "row_indices", False),
}


@dataclass(frozen=True)
class Pattern:
    """What a sparse tensor is beside its values; `places` are the indices of each, by axis."""

    layout: torch.layout
    shape: tuple[int, ...]
    parts: tuple[torch.Tensor, ...]
    places: torch.Tensor
    coalesced: bool

    def filled(self, values: torch.Tensor) -> torch.Tensor:
        """A new sparse tensor of this pattern."""
        parts = [part.to(values.device) for part in self.parts]
        if self.layout is torch.sparse_coo:
            options: dict[str, Any] = {"is_coalesced": self.coalesced or None}
            return torch.sparse_coo_tensor(
                *parts, values, self.shape, check_invariants=False, **options
            )
        return torch.sparse_compressed_tensor(
            *parts, values, self.shape, layout=self.layout, check_invariants=False
        )

    def read(self, g: torch.Tensor) -> torch.Tensor:
        """A gradient at the stored places: duplicates added, zero where it has nothing stored."""
        if g.layout is torch.strided:
            return g[tuple(self.places.to(g.device))]
        if g.layout is not torch.sparse_coo:
            same = g.layout is self.layout and all(map(torch.equal, _parts(g), self.parts))
            return g.values() if same else self.read(g.to_sparse_coo())
        if g.sparse_dim() != len(self.places):
            return self.read(g.to_dense())
        g = g.coalesce()
        held, asked = self._flat(g.indices()), self._flat(self.places.to(g.device))
        at = torch.searchsorted(held, asked)
        there = torch.cat([held, held.new_full((1,), -1)])[at] == asked
        values = g.values()
        padded = torch.cat([values, values.new_zeros((1, *values.shape[1:]))])
        return padded[torch.where(there, at, len(held))]

    def _flat(self, places: torch.Tensor) -> torch.Tensor:
        """One number for each place, in the order of coalesced tensors."""
        flat = places[0]
        for axis in range(1, len(places)):
            flat = flat * self.shape[axis] + places[axis]
        return flat


class Stored(torch.autograd.Function):
    """A sparse tensor made of its values."""

    @staticmethod
    def forward(values: torch.Tensor, pattern: Pattern) -> torch.Tensor:
        """Of that pattern, in memory of its own as a tensor that is given."""
        return pattern.filled(values.clone())

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """The pattern is all that is needed."""
        ctx.pattern = inputs[1]

    @staticmethod
    def backward(ctx: Any, g: torch.Tensor) -> Any:
        """The gradient of the values, whatever layout that of the tensor has."""
        return ctx.pattern.read(g), None

    @staticmethod
    def jvp(ctx: Any, tangent: torch.Tensor, _: None) -> torch.Tensor:
        """Of the same pattern."""
        return ctx.pattern.filled(tangent)


def stored_values(tensor: torch.Tensor) -> Children | None:
    """The values of a sparse tensor, and how to make it of others; None of any other layout."""
    pattern = _pattern(tensor)
    if pattern is None:
        return None
    values = tensor._values() if tensor.layout is torch.sparse_coo else tensor.values()
    held = values.detach().requires_grad_(tensor.requires_grad)
    return {".values": held}, partial(_made, pattern)


def _made(pattern: Pattern, parts: list[torch.Tensor]) -> torch.Tensor:
    made: torch.Tensor = Stored.apply(parts[0], pattern)
    return made


def _parts(tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
    if tensor.layout is torch.sparse_coo:
        return (tensor._indices(),)
    first, second, _ = _COMPRESSED[tensor.layout]
    return getattr(tensor, first)(), getattr(tensor, second)()


def _pattern(tensor: torch.Tensor) -> Pattern | None:
    if tensor.layout is torch.sparse_coo:
        parts, places, coalesced = _parts(tensor), tensor._indices(), tensor.is_coalesced()
    elif tensor.layout in _COMPRESSED and tensor.dim() == 2:
        parts, coalesced = _parts(tensor), True
        along = torch.arange(len(parts[0]) - 1, device=parts[0].device)
        outer = torch.repeat_interleave(along, parts[0].diff())
        by_rows = _COMPRESSED[tensor.layout][2]
        places = torch.stack([outer, parts[1]] if by_rows else [parts[1], outer])
    else:
        return None
    return Pattern(tensor.layout, tuple(tensor.shape), parts, places, coalesced)
