"""The first operation that is not finite: which one, in which layer, at which line, at which update."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from fivefold.diagnosis.observation.nonfinite import finite, trace_nonfinite
from fivefold.diagnosis.observation.record import Nonfinite, Record
from fivefold.diagnosis.observation.watcher import Watcher

X = torch.randn(64, 8, generator=torch.Generator().manual_seed(1))
LINES = Path(__file__).read_text(encoding="utf-8").splitlines()


class Middle(nn.Module):
    def __init__(self, act: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.act = act

    def forward(self, h: Tensor, x: Tensor) -> Tensor:
        return self.act(h, x)


class Net(nn.Module):
    def __init__(self, act: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.middle, self.last = nn.Linear(8, 8), Middle(act), nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.middle(self.first(x), x))


def zero_at_two(update: int) -> Tensor:
    """At update 2 the first example is zero."""
    return torch.cat([torch.zeros(1, 8), X[1:]]) if update == 2 else X


def squared(model: nn.Module, batch: Any) -> Tensor:
    return model(batch).square().mean()


def trained(
    model: nn.Module,
    loss: Callable[[nn.Module, Any], Tensor] = squared,
    data: Callable[[int], Any] = zero_at_two,
    *,
    updates: int = 4,
    every: int = 1,
    optimizer: torch.optim.Optimizer | None = None,
    cast: torch.dtype | None = None,
) -> Record:
    torch.manual_seed(0)
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=1e-3)
    watcher = Watcher({"": model}, [optimizer], every=every)
    watcher.attach()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for update in range(updates):
            optimizer.zero_grad()
            with torch.autocast("cpu", dtype=cast or torch.bfloat16, enabled=cast is not None):
                value = loss(model, data(update))
            value.backward()
            optimizer.step()
    watcher.detach()
    return watcher.record


def found_in(record: Record, text: str, update: int = 2) -> Nonfinite:
    """What was found, at the update and the line that it must be at."""
    assert record.first_nonfinite == update
    found = record.nonfinite
    assert found is not None
    assert found.place is not None
    assert found.place.path == __file__
    assert text in LINES[found.place.line - 1], LINES[found.place.line - 1]
    return found


ACTS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], str, str, str]] = {
    "log": (lambda h, x: h * torch.log(x.abs().sum(1, True)), "forward", "log", "log.default"),
    "sqrt": (lambda h, x: h * torch.sqrt((h * x).square().sum(1, True)), "backward", "sqrt", "sqrt.default"),
    "power": (
        lambda h, x: h / ((h * x).square().sum(1, True) ** 0.5 + 1),
        "backward",
        "pow",
        "pow.Tensor_Scalar",
    ),
    "where": (
        lambda h, x: torch.where(x != 0, torch.log((h * x).abs()), 0.0),
        "backward",
        "log",
        "log.default",
    ),
    "entropy": (lambda h, x: (h * x).abs() * torch.log((h * x).abs()), "forward", "log", "log.default"),
    "exp": (lambda h, x: torch.exp(h * (1e4 if not x[0].any() else 1.0)), "forward", "exp", "exp.default"),
    "sigmoid": (
        lambda h, x: 1 / (1 + torch.exp(h * (1e4 if not x[0].any() else 1))),
        "forward",
        "exp",
        "exp.default",
    ),
    "quotient": (lambda h, x: h * x / x.sum(1, True), "forward", "div", "div.Tensor"),
    "in place": (lambda h, x: h * x.abs().sum(1, True).log_(), "forward", "log", "log.default"),
    "acos": (lambda h, x: h * torch.acos(1.5 - x.abs().sign()), "forward", "acos", "acos.default"),
}


@pytest.mark.parametrize("name", ACTS)
def test_in_a_layer(name: str) -> None:
    """The first operation, its layer, its line; the file makes it again."""
    act, where, operation, saved = ACTS[name]
    record = trained(Net(act))
    found = record.nonfinite
    assert record.first_nonfinite == 2
    assert found is not None
    assert found.place is not None
    assert found.place.line in {line for _, _, line in act.__code__.co_lines()}
    assert found.place.path == __file__
    assert found.where == where
    assert found.operation.removeprefix("the derivative of ") == operation
    assert found.operation.startswith("the derivative") == (where == "backward")
    assert found.module == "middle"
    assert found.replay is not None
    assert (found.replay.operation, found.replay.batch, found.replay.module) == (saved, 2, "middle")
    assert found.replay.run().again
    assert found.replay.inputs["x"].equal(zero_at_two(2))
    assert set(found.replay.weights) == {"first.weight", "first.bias", "last.weight", "last.bias"}


def test_sound_derivatives_are_not_blamed() -> None:
    """The derivative of a norm at zero is defined as zero by torch, so that nothing is found there."""
    record = trained(Net(lambda h, x: h / ((h * x).norm(dim=1, keepdim=True) + 1)))
    assert record.first_nonfinite is None


def test_in_the_loss() -> None:
    def loss(model: nn.Module, batch: Tensor) -> Tensor:
        return model(batch).mean() + (model(batch) * 0 + batch[:, :1].abs()).log().mean()  # in the loss

    found = found_in(trained(nn.Linear(8, 1), loss), "# in the loss")
    assert (found.operation, found.module) == ("log", "")


def test_all_targets_ignored() -> None:
    """The loss is nan although its gradient is zero."""

    def loss(model: nn.Module, batch: Tensor) -> Tensor:
        return functional.cross_entropy(model(X), batch)  # all ignored

    found = found_in(
        trained(nn.Linear(8, 4), loss, lambda s: torch.full((64,), -100) if s == 2 else torch.arange(64) % 4),
        "# all ignored",
    )
    assert found.operation == "cross_entropy"
    assert "ignored" in found.cause
    assert found.replay is not None
    assert found.replay.operation == "nll_loss_forward.default"


class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return gradients[0] * 2 * x * (x.abs() / x.abs())  # by hand


def test_a_derivative_written_by_hand() -> None:
    found = found_in(trained(Net(lambda h, x: Wrong.apply(h * x))), "# by hand")
    assert found.where == "backward"
    assert found.operation.startswith("div, in a derivative written by hand")
    assert found.replay is not None
    assert not found.replay.gradient
    assert found.replay.run().again


def masked_at_two(update: int) -> tuple[Tensor, Tensor]:
    mask = torch.zeros(8, 8, dtype=torch.bool)
    mask[:, 5:] = True
    mask[3] |= update == 2
    return X.reshape(8, 8, 8), mask


class Scores(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(8, 8)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        scores = (self.query(x) @ x.transpose(1, 2)).masked_fill(mask[:, None], -math.inf)
        return torch.softmax(scores, -1) @ x  # of scores


class Attention(nn.Module):
    def __init__(self, weights: bool) -> None:
        super().__init__()
        self.inside, self.weights = nn.MultiheadAttention(8, 2, batch_first=True), weights

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        return self.inside(x, x, x, key_padding_mask=mask, need_weights=self.weights)[0]  # attention


@pytest.mark.parametrize(
    ("make", "text"), [(Scores, "# of scores"), (lambda: Attention(True), "# attention")]
)
def test_masks_are_not_blamed_but_what_is_made_of_them(make: Callable[[], nn.Module], text: str) -> None:
    found = found_in(trained(make(), lambda m, b: m(*b).square().mean(), masked_at_two), text)
    assert found.operation == "softmax"
    assert "masked" in found.cause
    assert found.replay is not None
    assert found.replay.operation == "_softmax.default"
    assert found.replay.run().where[0] in {3, 6}


def test_fused_attention_gives_zeros_for_masked_rows() -> None:
    assert (
        trained(Attention(False), lambda m, b: m(*b).square().mean(), masked_at_two).first_nonfinite is None
    )


def test_a_mask_given_as_numbers_is_no_broken_input() -> None:
    class Causal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)

        def forward(self, x: Tensor, mask: Tensor) -> Tensor:
            return self.layer(x, src_mask=mask).log()  # after attention

    mask = nn.Transformer.generate_square_subsequent_mask(8)
    record = trained(Causal(), lambda m, b: m(*b).mean(), lambda s: (X.reshape(8, 8, 8), mask), updates=1)
    assert found_in(record, "# after attention", 0).operation == "log"


def test_a_spread_of_one_example() -> None:
    net = Net(lambda h, x: (h - h.mean(0)) / h.std(0))  # of one
    found = found_in(trained(net, data=lambda s: X[:1] if s == 2 else X), "# of one")
    assert found.operation == "std"
    assert "n - 1" in found.cause


def test_overflow_of_half_precision() -> None:
    """In float32 the same product is finite, and that is said."""
    wide = torch.full((8, 8), 5.0)

    def act(h: Tensor, x: Tensor) -> Tensor:
        return functional.linear(h * (1e4 if not x[0].any() else 1.0), wide)  # in half

    found = found_in(trained(Net(act), cast=torch.float16), "# in half")
    assert found.operation == "linear"
    assert "in float32 linear gives finite numbers" in found.cause
    assert found.replay is not None
    assert found.replay.arguments[0].dtype == torch.float16


def test_a_small_number_lost_in_bfloat16() -> None:
    def act(h: Tensor, x: Tensor) -> Tensor:
        return h / ((x.bfloat16().sum(1, keepdim=True) + 1.0) - 1.0)  # lost

    rows = torch.cat([torch.full((1, 8), 1e-4), X[1:]])
    found = found_in(trained(Net(act), data=lambda s: rows if s == 2 else X, cast=torch.bfloat16), "# lost")
    assert found.operation == "div"
    assert "small numbers are lost" in found.cause


def test_the_data_and_the_targets() -> None:
    broken = X.clone()
    broken[5, 3] = math.nan
    record = trained(nn.Linear(8, 1), data=lambda s: broken if s == 2 else X)
    assert record.first_nonfinite == 2
    assert record.nonfinite is not None
    assert record.nonfinite.where == "inputs"
    assert "1 of 64 examples" in record.nonfinite.evidence
    assert "input at [5, 3]" in record.nonfinite.evidence
    y = X[:, :1].clone()
    y[7] = math.nan

    def loss(model: nn.Module, target: Tensor) -> Tensor:
        return functional.mse_loss(model(X), target)  # targets

    found = found_in(trained(nn.Linear(8, 1), loss, lambda s: y if s == 2 else X[:, :1]), "# targets")
    assert found.where == "targets"
    assert "[7, 0]" in found.evidence


def test_weights_that_an_update_spoils() -> None:
    """Adam without eps divides 0 by 0: no operation is at fault, the update is."""
    model = Net(lambda h, x: h * x)
    record = trained(
        model,
        lambda m, b: m.first(b).mean() + 0 * m(b).mean(),
        optimizer=torch.optim.Adam(model.parameters(), eps=0.0),
    )
    assert record.first_nonfinite == 1
    assert record.nonfinite is not None
    assert (record.nonfinite.where, record.nonfinite.operation) == ("weights", "update 0")
    assert "last.weight" in record.nonfinite.evidence


def test_weights_that_begin_so() -> None:
    model = nn.Linear(2, 2)
    with torch.no_grad():
        model.weight[0, 0] = math.inf
    found = trace_nonfinite(list(model.named_parameters()), None, None, own=False)
    assert (found.where, found.operation) == ("weights", "the first weights")
    assert not finite(model.weight)
    model = nn.Linear(2, 2)
    assert trace_nonfinite(list(model.named_parameters()), None, None, own=False).where == "unknown"


def test_an_update_that_was_not_watched() -> None:
    """The loss of an earlier update, made of this batch, finds what is in the model."""
    net = Net(lambda h, x: h * torch.log(x.abs().sum(1, True)))  # not watched
    found = found_in(
        trained(net, data=lambda s: zero_at_two(2) if s == 11 else X, updates=13, every=8),
        "# not watched",
        11,
    )
    assert found.operation == "log"


def test_a_model_without_a_tape_is_run_again() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Softmax(1))
    nn.init.constant_(model[0].weight, 2.0)
    x = torch.full((4, 3), 3e38)
    found = trace_nonfinite(list(model.named_parameters()), (model, (x,), {}), None, own=False)
    assert found.where == "forward"
    assert found.operation == "linear"
    assert found.overflow


def test_a_model_that_refuses_to_run_again() -> None:
    class Once(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            raise ValueError("not again")

    model = Once(2, 2)
    found = trace_nonfinite(list(model.named_parameters()), (model, (torch.ones(1, 2),), {}), None, own=False)
    assert found.where == "unknown"
    assert "ValueError when it was run again: not again" in found.evidence


def test_the_training_is_left_as_it_was() -> None:
    """Random numbers, statistics and weights are those without watching."""

    def run(watch: bool) -> tuple[Tensor, Tensor]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        watcher = Watcher({"": model}, [optimizer], every=1) if watch else None
        if watcher is not None:
            watcher.attach()
        for update in range(4):
            optimizer.zero_grad()
            out = model(X)
            (out.square().mean() + (out * 0).sum().sqrt() * (update == 2)).backward()
            for p in model.parameters():
                torch.nan_to_num_(p.grad)
            optimizer.step()
        return torch.cat([p.detach().reshape(-1) for p in model.parameters()]), model[1].running_var

    alone, seen = run(False), run(True)
    assert alone[0].equal(seen[0])
    assert alone[1].equal(seen[1])


class Graph(nn.Module):
    """A layer over a sparse matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x: Tensor, matrix: Tensor) -> Tensor:
        return torch.mm(matrix, self.layer(x))


@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_a_sparse_matrix_that_is_not_finite(layout: torch.layout) -> None:
    matrix = torch.eye(6)
    matrix[1, 2] = math.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sparse = matrix.to_sparse_coo().coalesce() if layout is torch.sparse_coo else matrix.to_sparse_csr()
    model, x = Graph(), torch.randn(6, 4)
    found = trace_nonfinite(list(model.named_parameters()), (model, (x, sparse), {}), None, own=False)
    assert found.where == "inputs"
    assert "1 of the 7 numbers that the sparse matrix stores" in found.evidence


def test_an_input_that_cannot_be_looked_at_ends_no_training() -> None:
    class Refuses(Tensor):
        """A tensor that cannot be asked for its numbers."""

        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if getattr(func, "__name__", "") == "isfinite":
                raise RuntimeError("not here")
            return super().__torch_function__(func, types, args, kwargs or {})

    model = Graph()
    x = torch.randn(6, 4).as_subclass(Refuses)
    found = trace_nonfinite(list(model.named_parameters()), (model, (x, torch.eye(6)), {}), None, own=False)
    assert found.where == "unknown"
    assert "not here" in found.evidence
