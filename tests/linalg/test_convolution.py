import pytest
import torch

from fivefold.core import ArgumentError
from fivefold.linalg import Convolution

G = torch.Generator().manual_seed(1)


@pytest.mark.parametrize("mode", ["zeros", "circular"])
@pytest.mark.parametrize("size", [(6, 7), (9, 5)])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2},
        {"padding": 2},
        {"dilation": 2, "padding": 3},
        {"groups": 2, "padding": 1, "stride": (2, 3)},
    ],
)
def test_agrees_with_the_layer_of_torch(options, size, mode):
    if mode == "circular" and "padding" not in options:
        options = {**options, "padding": 1}
    layer = torch.nn.Conv2d(4, 6, (3, 2), bias=False, padding_mode=mode, dtype=torch.float64, **options)
    C = Convolution(layer.weight.detach(), size, mode="zero" if mode == "zeros" else mode, **options)
    image = 2 + torch.randn(3, 4, *size, generator=G, dtype=torch.float64)
    want = layer(image)
    assert C.out_size == tuple(want.shape[2:])
    assert torch.allclose(
        (C @ image.reshape(3, -1).mT).mT, want.detach().reshape(3, -1), rtol=1e-12, atol=1e-12
    )
    # The adjoint is what backpropagation multiplies with.
    image.requires_grad_()
    y = torch.randn(want.shape, generator=G, dtype=torch.float64)
    (layer(image) * y).sum().backward()
    assert torch.allclose((C.H @ y.reshape(3, -1).mT).mT, image.grad.reshape(3, -1), rtol=1e-12, atol=1e-12)


def test_same_keeps_the_size_also_for_even_kernels():
    for taps in (1, 2, 3, 4):
        for mode in ("zero", "circular"):
            C = Convolution(torch.ones(1, 1, taps), 6, padding="same", mode=mode, dilation=2)
            assert C.shape == (6, 6)
    assert Convolution(torch.ones(2, 3, 4, 2), (5, 6), padding="same").out_size == (5, 6)


def test_gradients_reach_the_kernel():
    K = torch.ones(1, 1, 2, dtype=torch.float64, requires_grad=True)
    (Convolution(K, 3) @ torch.tensor([1.0, 2.0, 4.0])).sum().backward()
    assert K.grad.flatten().tolist() == [3, 6]


def test_another_kernel_in_the_same_place():
    C = Convolution(torch.ones(1, 1, 2), 5, padding="same", mode="circular", stride=2)
    D = C.with_kernel(3 * torch.ones(1, 1, 2))
    assert torch.equal(D.to_dense(), 3 * C.to_dense())
    with pytest.raises(ArgumentError, match="kernel of shape"):
        C.with_kernel(torch.ones(1, 1, 3))


def test_size_is_said_before_memory_is_taken():
    with pytest.raises(ArgumentError, match="GiB of free memory"):
        Convolution(torch.ones(64, 64, 3, 3), (224, 224), padding=1).to_dense()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Convolution(torch.ones(3, 3), 4), "3 or 4 dimension"),
        (lambda: Convolution(torch.ones(3, 3, 2), 4, mode="reflect"), "mode = "),
        (lambda: Convolution(torch.ones(3, 3, 2), 4, groups=2), "divide the 3 output"),
        (lambda: Convolution(torch.ones(3, 3, 2), 4, groups=0), "divide the 3 output"),
        (lambda: Convolution(torch.ones(3, 3, 2), 0), "a size of at least 1"),
        (lambda: Convolution(torch.ones(3, 3, 2), (4, 4)), "one number or 1"),
        (lambda: Convolution(torch.ones(3, 3, 2), 4, stride=0), "a stride"),
        (lambda: Convolution(torch.ones(3, 3, 2), 4, dilation=0), "a dilation"),
        (lambda: Convolution(torch.ones(3, 3, 2), 4, padding=-1), "a padding"),
        (lambda: Convolution(torch.ones(3, 3, 2), 4, padding="full"), "or 'same'"),
        (lambda: Convolution(torch.ones(3, 3, 5), 4), "padded size of at least 5"),
        (lambda: Convolution(torch.ones(3, 3, 0), 4), "nonempty"),
        (lambda: Convolution(1j * torch.ones(3, 3, 2), 4), "real numbers"),
        (lambda: Convolution(torch.full((1, 1, 2), float("inf")), 4), "finite"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
