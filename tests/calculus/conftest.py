"""Functions with known derivatives, and the contract that every derivative operator keeps."""

import warnings
from types import SimpleNamespace

import pytest
import torch

A = torch.tensor([[3.0, 1.0, 0.0], [1.0, 2.0, -1.0], [0.0, -1.0, 4.0]], dtype=torch.float64)
W = torch.tensor([0.7, -1.2, 2.1], dtype=torch.float64)


def smooth(w):
    return torch.sin(w[0]) * w[1] ** 2 + torch.exp(0.3 * w[2] * w[0]) + 0.5 * w @ A.to(w) @ w


def outputs(w):
    return torch.stack([w[0] * w[1], torch.exp(w[2]), w.sum(), w[0] ** 3])


class NoForward(torch.autograd.Function):
    """x**3 without a forward derivative and without a batching rule, but twice differentiable in reverse."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 3 * x**2 * g


def opaque(w):
    return NoForward.apply(w).sum() + w[0] * w[1]


def branching(w):
    # .item() cannot be mapped, but every derivative can be taken.
    return (w**3).sum() + w[0] * w[1] if w[0].item() < 100 else w.sum()


def contract(operator, dense):
    generator = torch.Generator().manual_seed(0)
    m, n = dense.shape
    X = torch.randn(2, n, 3, generator=generator, dtype=dense.dtype)
    Y = torch.randn(2, m, 3, generator=generator, dtype=dense.dtype)
    close = {"rtol": 1e-10, "atol": 1e-10}
    torch.testing.assert_close(operator.to_dense(), dense, **close)
    torch.testing.assert_close(operator @ X, dense @ X, **close)
    torch.testing.assert_close(operator @ X[0], dense @ X[0], **close)
    torch.testing.assert_close(operator @ X[0, :, 0], dense @ X[0, :, 0], **close)
    torch.testing.assert_close(operator.H @ Y, dense.mT @ Y, **close)
    torch.testing.assert_close(operator.H.H @ X, dense @ X, **close)
    # <A x, y> = <x, A* y>
    left, right = ((operator @ X) * Y).sum(), (X * (operator.H @ Y)).sum()
    torch.testing.assert_close(left, right, **close)


class Residual(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 4))
        self.out = torch.nn.Linear(4, 3)

    def forward(self, x):
        return self.out(x + self.inner(x))


class Recurrent(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell(2, 3, batch_first=True)
        self.out = torch.nn.Linear(3, 3)

    def forward(self, x):
        return self.out(self.cell(x)[0][:, -1])


class Attention(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = torch.nn.Linear(4, 12)
        self.out = torch.nn.Linear(4, 3)

    def forward(self, x):
        q, k, v = (t.reshape(*x.shape[:2], 2, 2).transpose(1, 2) for t in self.mix(x).chunk(3, -1))
        heads = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        return self.out(heads.transpose(1, 2).reshape(x.shape).mean(1))


class Multihead(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.MultiheadAttention(4, 2, batch_first=True)
        self.out = torch.nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.layer(x, x, x, need_weights=False)[0].mean(1))


def _convolutional():
    nn = torch.nn
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.Softplus(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(8, 3))


def _batch_norm():
    nn = torch.nn
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Sigmoid(), nn.Linear(3, 3))
    with torch.no_grad():
        model(3 + 2 * torch.randn(50, 4))
    return model.eval()


MODULES = {
    "dense": (
        lambda: torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Tanh(), torch.nn.Linear(4, 3)),
        (4,),
    ),
    "convolutional": (_convolutional, (1, 6, 6)),
    "residual": (Residual, (4,)),
    "batch norm": (_batch_norm, (4,)),
    "gru": (lambda: Recurrent(torch.nn.GRU), (3, 2)),
    "lstm": (lambda: Recurrent(torch.nn.LSTM), (3, 2)),
    "attention": (Attention, (3, 4)),
    "multihead": (Multihead, (3, 4)),
}


def module_case(name, dtype=torch.float64, rows=5):
    """A module, inputs away from the origin, targets, and references by torch.autograd.functional alone."""
    make, shape = MODULES[name]
    torch.manual_seed(3)
    model = make().to(dtype).eval()
    X = 0.5 + torch.randn(rows, *shape, dtype=dtype)
    y = torch.arange(rows) % 3
    return model, X, y


def flat_function(model, X):
    """The outputs as a function of the flat parameters, written on its own for the references."""
    named = {name: p.detach() for name, p in model.named_parameters()}
    names, shapes = list(named), [p.shape for p in named.values()]

    def outputs(w):
        out, start = {}, 0
        for name, shape in zip(names, shapes, strict=True):
            out[name] = w[start : start + shape.numel()].reshape(shape)
            start += shape.numel()
        with (
            warnings.catch_warnings(action="ignore"),
            torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH),
            torch.backends.mkldnn.flags(enabled=False),
        ):
            return torch.func.functional_call(model, out, (X,))

    return outputs, torch.cat([p.reshape(-1) for p in named.values()])


@pytest.fixture(params=sorted(MODULES))
def network_name(request):
    return request.param


@pytest.fixture
def case():
    return SimpleNamespace(
        A=A,
        w=W.clone(),
        smooth=smooth,
        outputs=outputs,
        NoForward=NoForward,
        opaque=opaque,
        branching=branching,
        contract=contract,
        modules=MODULES,
        module_case=module_case,
        flat_function=flat_function,
    )
