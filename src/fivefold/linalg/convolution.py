"""Convolution as a linear operator: its products, its adjoint, its matrix."""

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from fivefold.core import require
from fivefold.linalg.arrays import Array, to_tensor
from fivefold.linalg.compose import Adjoint
from fivefold.linalg.operator import LinearOperator

_FORWARD = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d}
_BACKWARD = {1: torch.nn.functional.conv_transpose1d, 2: torch.nn.functional.conv_transpose2d}


class Convolution(LinearOperator):
    r"""The convolution of a network (a cross-correlation) on signals or images of one size.

    .. math:: y_{o, i} = \sum_c \sum_t K_{o, c, t} \; x_{c,\, s i + d t - p}

    with stride s, dilation d and padding p, for 1-d signals and, index by index, for 2-d images. Vectors are
    channels times positions, row-major, as ``image.flatten()`` gives them.

    Source: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016.

    Args:
        kernel: ``[out, in / groups, t]`` or ``[out, in / groups, t_1, t_2]``.
        size: Length of the signal, or height and width of the image.
        stride: Positive; one number, or one for each axis.
        padding: At least 0, on both sides; or ``"same"``: :math:`d (t - 1)` in all, so that stride 1 keeps
            the size.
        mode: What is beyond the edge: zeros, or the signal from its other end.
        dilation: Positive.
        groups: Divides the channels; group g of the output sees group g of the input alone.

    Raises:
        ArgumentError: Sizes that do not fit.

    >>> C = Convolution([[[1.0, 2.0]]], 3)
    >>> C.to_dense().tolist()
    [[1.0, 2.0, 0.0], [0.0, 1.0, 2.0]]
    >>> Convolution([[[1.0, 2.0]]], 3, padding="same", mode="circular").to_dense().tolist()
    [[1.0, 2.0, 0.0], [0.0, 1.0, 2.0], [2.0, 0.0, 1.0]]
    """

    def __init__(
        self,
        kernel: Array,
        size: int | Sequence[int],
        *,
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | Literal["same"] = 0,
        mode: Literal["zero", "circular"] = "zero",
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
    ) -> None:
        K = to_tensor(kernel, "the kernel", dims=(3, 4))
        axes = K.ndim - 2
        require(mode in ("zero", "circular"), "mode = 'zero' or 'circular'", repr(mode))
        require(
            groups >= 1 and K.shape[0] % groups == 0,
            f"groups that divide the {K.shape[0]} output channels",
            groups,
        )
        self.kernel, self.axes, self.mode, self.groups = K, axes, mode, int(groups)
        self.size = _each(size, axes, "a size", 1)
        self.stride = _each(stride, axes, "a stride", 1)
        self.dilation = _each(dilation, axes, "a dilation", 1)
        self.reach = tuple(d * (t - 1) for d, t in zip(self.dilation, K.shape[2:], strict=True))
        if padding == "same":
            self.padding = tuple((r // 2, r - r // 2) for r in self.reach)
        else:
            require(not isinstance(padding, str), "a number of positions, or 'same', as padding", padding)
            self.padding = tuple((p, p) for p in _each(padding, axes, "a padding", 0))
        self.padded = tuple(n + a + b for n, (a, b) in zip(self.size, self.padding, strict=True))
        for length, reach in zip(self.padded, self.reach, strict=True):
            require(
                length > reach, f"a padded size of at least {reach + 1}", length, "pad more or dilate less"
            )
        self.out_size = tuple(
            (length - reach - 1) // s + 1
            for length, reach, s in zip(self.padded, self.reach, self.stride, strict=True)
        )
        self.channels = (K.shape[0], K.shape[1] * self.groups)
        super().__init__(
            (self.channels[0] * math.prod(self.out_size), self.channels[1] * math.prod(self.size)),
            dtype=K.dtype,
            device=K.device,
        )

    def _matmat(self, X: Tensor) -> Tensor:
        images, shape = _columns_first(X, (self.channels[1], *self.size))
        for axis, ((before, after), n) in enumerate(zip(self.padding, self.size, strict=True), start=2):
            if self.mode == "circular":
                images = images.index_select(axis, self._wrapped(before, after, n))
        if self.mode == "zero":
            edges = [p for pair in reversed(self.padding) for p in pair]
            images = torch.nn.functional.pad(images, edges)
        out = _FORWARD[self.axes](
            images, self.kernel, stride=self.stride, dilation=self.dilation, groups=self.groups
        )
        return _columns_last(out, shape)

    def _adjoint(self) -> LinearOperator:
        return Adjoint(self, self._adjoint_matmat)

    def _adjoint_matmat(self, Y: Tensor) -> Tensor:
        images, shape = _columns_first(Y, (self.channels[0], *self.out_size))
        # Positions at the end that no window reaches come back as zeros.
        rest = [
            length - ((o - 1) * s + reach + 1)
            for length, o, s, reach in zip(self.padded, self.out_size, self.stride, self.reach, strict=True)
        ]
        out = _BACKWARD[self.axes](
            images, self.kernel, stride=self.stride, dilation=self.dilation, groups=self.groups
        )
        out = torch.nn.functional.pad(out, [p for r in reversed(rest) for p in (0, r)])
        for axis, ((before, after), n) in enumerate(zip(self.padding, self.size, strict=True), start=2):
            if self.mode == "zero":
                out = out.narrow(axis, before, n)
            else:
                target = torch.zeros(
                    (*out.shape[:axis], n, *out.shape[axis + 1 :]), dtype=out.dtype, device=out.device
                )
                out = target.index_add(axis, self._wrapped(before, after, n), out)
        return _columns_last(out, shape)

    def _wrapped(self, before: int, after: int, n: int) -> Tensor:
        return torch.arange(-before, n + after, device=self.device) % n

    def with_kernel(self, kernel: Array) -> "Convolution":
        """Return the same convolution with another kernel of the same shape.

        Raises:
            ArgumentError: Another shape.
        """
        K = to_tensor(kernel, "the kernel")
        require(K.shape == self.kernel.shape, f"a kernel of shape {tuple(self.kernel.shape)}", tuple(K.shape))
        out = Convolution(
            K, self.size, stride=self.stride, mode=self.mode, dilation=self.dilation, groups=self.groups,
            padding="same" if self.padding == tuple((r // 2, r - r // 2) for r in self.reach)
            else [before for before, _ in self.padding],
        )  # fmt: skip
        return out


def _each(value: int | Sequence[int], axes: int, name: str, least: int) -> tuple[int, ...]:
    numbers = (value,) * axes if isinstance(value, int) else tuple(int(v) for v in value)
    require(
        len(numbers) == axes and min(numbers) >= least,
        f"{name} of at least {least}, one number or {axes}",
        value,
    )
    return numbers


def _columns_first(X: Tensor, image: tuple[int, ...]) -> tuple[Tensor, tuple[int, ...]]:
    *batch, _, k = X.shape
    return X.mT.reshape(-1, *image), (*batch, k)


def _columns_last(images: Tensor, shape: tuple[int, ...]) -> Tensor:
    return images.reshape(*shape, -1).mT
