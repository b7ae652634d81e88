"""Operations that only move elements, or make new ones: torch does them on boxes, bit by bit."""

from __future__ import annotations

# fmt: off
MOVEMENT = frozenset((
    # views
    "alias", "detach", "view", "_unsafe_view", "reshape", "as_strided", "permute", "transpose", "t",
    "expand", "squeeze", "unsqueeze", "select", "slice", "diagonal", "unbind", "split", "chunk",
    "split_with_sizes", "unfold", "movedim", "lift_fresh", "real", "imag", "view_as_real",
    "view_as_complex", "conj", "_conj", "_neg_view", "_reshape_alias", "narrow", "flatten",
    "expand_as", "view_as", "adjoint", "swapaxes", "swapdims", "unsafe_split", "unsafe_chunk",
    "unsafe_split_with_sizes", "contiguous", "unflatten", "tensor_split", "resolve_conj",
    "resolve_neg", "positive", "values", "_values", "indices", "_indices", "crow_indices",
    # copies
    "clone", "copy", "copy_", "lift_fresh_copy", "squeeze_copy", "unsqueeze_copy", "expand_copy",
    "permute_copy", "view_copy", "transpose_copy", "t_copy", "select_copy", "slice_copy",
    "diagonal_copy", "unfold_copy", "split_copy", "split_with_sizes_copy", "unbind_copy",
    "as_strided_copy", "alias_copy", "detach_copy", "view_as_real_copy", "view_as_complex_copy",
    "_reshape_copy", "_conj_copy", "_neg_view_copy", "narrow_copy", "_foreach_copy_", "neg",
    "conj_physical", "conj_physical_", "_conj_physical", "complex", "_to_sparse",
    # elements taken, put and joined
    "cat", "stack", "gather", "index", "index_select", "where", "masked_fill", "masked_fill_",
    "masked_select", "masked_scatter", "masked_scatter_", "take", "scatter", "scatter_",
    "select_scatter", "slice_scatter", "diagonal_scatter", "as_strided_scatter", "index_copy",
    "index_copy_", "index_fill", "index_fill_", "fill", "fill_", "zero", "zero_", "fill_diagonal_",
    "embedding", "max_unpool2d", "max_unpool3d", "block_diag", "diag_embed", "diag",
    # arranged otherwise
    "constant_pad_nd", "reflection_pad1d", "reflection_pad2d", "reflection_pad3d",
    "replication_pad1d", "replication_pad2d", "replication_pad3d", "flip", "roll", "rot90",
    "repeat", "repeat_interleave", "tril", "triu", "tril_", "triu_", "im2col", "pixel_shuffle",
    "pixel_unshuffle", "channel_shuffle", "upsample_nearest1d", "upsample_nearest2d",
    "upsample_nearest3d", "_upsample_nearest_exact1d", "_upsample_nearest_exact2d",
    "_upsample_nearest_exact3d", "_pack_padded_sequence",
    # made
    "zeros_like", "ones_like", "full_like", "empty_like", "empty_strided", "new_empty",
    "new_zeros", "new_ones", "new_full", "new_empty_strided", "rand_like", "randn_like",
    "randint_like", "_efficientzerotensor", "_new_zeros_with_same_feature_meta", "normal_",
    "uniform_", "random_", "exponential_", "cauchy_", "geometric_", "log_normal_",
    # the tensor itself
    "as_strided_", "resize_", "resize", "set_", "squeeze_", "unsqueeze_", "transpose_", "t_",
    "requires_grad_", "set_data", "is_same_size", "is_pinned", "sym_size", "sym_stride",
    "sym_numel", "sym_storage_offset", "size", "stride", "numel", "is_contiguous", "dim",
    "_has_same_storage_numel", "_has_compatible_shallow_copy_type", "is_complex",
    "is_floating_point", "result_type", "can_cast", "record_stream", "_version", "is_leaf",
    "output_nr", "_assert_async", "_coalesced_", "_dimI", "_dimV", "_nnz", "sparse_dim",
    "is_coalesced", "dense_dim", "_sparse_coo_tensor_unsafe",
    "_sparse_coo_tensor_with_dims_and_tensors", "sparse_compressed_tensor", "col_indices",
    "_sparse_compressed_tensor_unsafe", "ccol_indices", "row_indices",
    "_validate_sparse_compressed_tensor_args", "_validate_sparse_coo_tensor_args",
))
# fmt: on

# Overloads that add or multiply where their namesakes move.
ARITHMETIC_OVERLOADS = frozenset(("scatter.reduce", "scatter.value_reduce", "scatter_.reduce",
                                  "scatter_.value_reduce"))  # fmt: skip

# Random numbers with given parameters, and questions of nearness: asked of the nearest floats.
AT_MIDPOINTS = frozenset(("bernoulli", "bernoulli_", "poisson", "multinomial", "binomial", "normal",
                          "allclose", "isclose"))  # fmt: skip
