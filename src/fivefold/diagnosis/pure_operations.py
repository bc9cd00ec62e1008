"""The closed list of torch's operations that a file may name: pure functions of tensors, none that draws
numbers, writes, or opens anything.
"""

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.flop_counter import FlopCounterMode

from fivefold.artifact.registry import is_kind
from fivefold.core import ArtifactError

_ELEMENT = """
abs acos acosh add addcdiv addcmul asin asinh atan atan2 atanh celu clamp clamp_max clamp_min copysign cos
cosh digamma div elu erf erfc erfinv exp exp2 expm1 fmax fmin fmod gelu hardsigmoid hardswish hardtanh
hypot i0 igamma igammac leaky_relu lerp lgamma log log10 log1p log2 log_sigmoid_forward logaddexp
logaddexp2 logit masked_fill maximum minimum mish mul neg polygamma pow reciprocal relu remainder rsqrt rsub
sigmoid sign silu sin sinc sinh softplus softshrink special_entr special_erfcx special_i0e special_i1
special_i1e special_log_ndtr special_ndtri special_xlog1py special_zeta sqrt sub tan tanh threshold where
xlogy _prelu_kernel _to_copy
"""
_TOGETHER = """
_log_softmax _safe_softmax _softmax amax amin cat cumprod cumsum linalg_vector_norm logcumsumexp logsumexp
max mean min nansum norm prod std std_mean sum var var_mean glu _cdist_forward _pdist_forward
_euclidean_dist _weight_norm_interface
"""
_PRODUCTS = """
_scaled_dot_product_flash_attention_for_cpu addbmm addmm addmv addr baddbmm bmm convolution dot mm mv vdot
"""
_NORMALISATIONS = "_fused_rms_norm native_batch_norm native_group_norm native_layer_norm"
_LOSSES = """
binary_cross_entropy binary_cross_entropy_with_logits huber_loss mse_loss multi_margin_loss nll_loss2d_forward
nll_loss_forward smooth_l1_loss soft_margin_loss
"""
_PLACES = """
_adaptive_avg_pool2d avg_pool2d constant_pad_nd embedding gather index index_select max_pool2d_with_indices
upsample_bicubic2d upsample_bilinear2d upsample_linear1d upsample_nearest1d upsample_nearest2d
"""
_MATRICES = """
_linalg_det _linalg_eigh _linalg_slogdet _linalg_solve_ex _linalg_svd cholesky cholesky_inverse
cholesky_solve linalg_cholesky_ex linalg_inv_ex linalg_lu_factor_ex linalg_qr linalg_solve_triangular
triangular_solve
"""
_DERIVATIVES = """
_log_softmax_backward_data _softmax_backward_data elu_backward gelu_backward hardtanh_backward
leaky_relu_backward log_sigmoid_backward logit_backward mse_loss_backward native_layer_norm_backward
sigmoid_backward silu_backward softplus_backward tanh_backward threshold_backward
"""

PURE = frozenset(
    " ".join(
        (_ELEMENT, _TOGETHER, _PRODUCTS, _NORMALISATIONS, _LOSSES, _PLACES, _MATRICES, _DERIVATIVES)
    ).split()
)
"""Names in ``torch.ops.aten``, without overloads."""

MOST_WORK = 1e12
"""Multiplications, or numbers looked at, that running an operation from a file may take."""

_CHANNELS = {"native_batch_norm": (1, 2, 3, 4)}
"""Arguments that must hold one number per channel of the first, where torch takes that for granted."""
_FIX = "use only a replay that fivefold wrote, with this version of torch"


def name_of(operation: Any) -> str:
    """Return the name under which an operation is saved, as ``"sqrt.default"``.

    Args:
        operation: An overload in ``torch.ops.aten``.

    >>> name_of(torch.ops.aten.sqrt.default)
    'sqrt.default'
    """
    return f"{operation._schema.name.rpartition('::')[2]}.{operation._overloadname}"


def functional(operation: Any) -> Any | None:
    """Return the operation that gives what this one writes in place, itself where it writes nothing; ``None``
    where there is none in the list.

    Args:
        operation: An overload in ``torch.ops.aten``.

    >>> functional(torch.ops.aten.log_.default)
    <OpOverload(op='aten.log', overload='default')>
    >>> functional(torch.ops.aten.bernoulli.default) is None
    True
    """
    name, _, overload = name_of(operation).rpartition(".")
    if operation._schema.is_mutable:
        name = name.removesuffix("_")
    try:
        return find_operation(f"{name}.{overload}")
    except ArtifactError:
        return None


def find_operation(name: object) -> Any:
    """Return an operation of the list.

    Args:
        name: What :func:`name_of` gave; from a file, hence anything.

    Raises:
        ArtifactError: It is not in the list, or writes into what it is given.

    >>> find_operation("sqrt.default")
    <OpOverload(op='aten.sqrt', overload='default')>
    >>> find_operation("from_file.default")
    Traceback (most recent call last):
    fivefold.core.errors.ArtifactError: expected one of the ... operations that a replay may name; got ...
    """
    packet, _, overload = name.partition(".") if isinstance(name, str) else ("", "", "")
    if packet in PURE and (overload == "default" or is_kind(overload.lower())):
        found = getattr(torch.ops.aten, packet)
        if overload in found.overloads():
            operation = getattr(found, overload)
            if _is_pure(operation):
                return operation
    raise ArtifactError(f"one of the {len(PURE)} operations that a replay may name", ascii(name)[:80], _FIX)


def operations() -> Iterator[Any]:
    """Every overload that a file may name."""
    for packet in sorted(PURE):
        for overload in getattr(torch.ops.aten, packet).overloads():
            operation = getattr(getattr(torch.ops.aten, packet), overload)
            if _is_pure(operation):
                yield operation


def _is_pure(operation: Any) -> bool:
    """Whether an overload writes nothing and takes tensors; some have others for plain numbers."""
    schema = operation._schema
    return not schema.is_mutable and any("Tensor" in str(a.type) for a in schema.arguments)


def check_size(operation: Any, arguments: tuple[Any, ...], options: dict[str, Any], most_bytes: int) -> None:
    """Refuse a call whose result or work is out of proportion, before anything is allocated for it.

    The call is made with tensors that have a shape and no numbers (torch's ``meta`` device).

    Args:
        operation: One of the list.
        arguments: Its arguments by place.
        options: Its arguments by name.
        most_bytes: Largest size of all results together.

    Raises:
        ArtifactError: Too large, or arguments that the operation does not take.
    """

    def empty(leaf: Any) -> Any:
        return torch.empty_like(leaf, device="meta") if isinstance(leaf, Tensor) else leaf

    given, named = tree_map(empty, (arguments, options))
    named.pop("device", None)
    for place in _CHANNELS.get(operation._schema.name.rpartition("::")[2], ()):
        held = arguments[place] if len(arguments) > place else None
        first = arguments[0] if arguments else None
        channels = first.shape[1] if isinstance(first, Tensor) and first.ndim > 1 else -1
        if held is not None and (not isinstance(held, Tensor) or held.shape != (channels,)):
            raise ArtifactError("one number per channel in a normalisation", "another shape", _FIX)
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            made = operation(*given, **named)
    except Exception as error:  # whatever torch says of arguments that it does not take
        shown = ascii(str(error).partition("\n")[0])[1:-1][:200]
        raise ArtifactError(f"arguments that {name_of(operation)} takes", shown, _FIX) from error
    results = [leaf for leaf in tree_leaves(made) if isinstance(leaf, Tensor)]
    size = sum(leaf.numel() * leaf.element_size() for leaf in results)
    if size > most_bytes:
        raise ArtifactError(f"a result of at most {most_bytes} bytes", f"{size} bytes", _FIX)
    windows = [math.prod(abs(n) for n in v if n) for v in (*arguments, *options.values()) if _counts(v)]
    work = max(counter.get_total_flops(), sum(r.numel() for r in results) * max([1, *windows]))
    if work > MOST_WORK:
        raise ArtifactError(f"work of at most {MOST_WORK:.0e} operations", f"{work:.0e}", _FIX)


def _counts(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(n, int) for n in value)
