"""First weights: all alike, too large, too small, and torch's own."""

import math

import pytest
import torch
from torch import nn

from fivefold.diagnosis.checks.first_values import check_first_values
from fivefold.diagnosis.observation.record import Record
from fivefold.diagnosis.observation.weights import first_weights


@pytest.mark.parametrize(
    ("spoil", "codes"),
    [
        (lambda w: w, []),
        (nn.init.kaiming_normal_, []),
        (nn.init.orthogonal_, []),
        (nn.init.zeros_, ["initialisation.constant"]),
        (lambda w: nn.init.constant_(w, 0.1), ["initialisation.constant"]),
        (lambda w: nn.init.normal_(w, std=1.0), ["initialisation.too-large"]),
        (lambda w: nn.init.normal_(w, std=1e-4), ["initialisation.too-small"]),
    ],
)
def test_each_kind(network, spoil, codes: list[str]) -> None:
    model = network(64, 64, 64, 10)
    with torch.no_grad():
        for layer in model[:-1]:
            if isinstance(layer, nn.Linear):
                spoil(layer.weight)
    record = Record(model={"": model}, first_weights=first_weights(model.named_modules()))
    assert [f.code for f in check_first_values(record)] == codes


def test_weights_that_an_earlier_training_made_are_no_first_ones(network) -> None:
    model = network(64, 64, 64, 10)
    nn.init.normal_(model[2].weight)
    record = Record(model={"": model}, first_weights=first_weights(model.named_modules()))
    assert [f.code for f in check_first_values(record)] == ["initialisation.too-large"]
    record.taken_over = frozenset({"2.weight"})
    assert check_first_values(record) == []


def test_a_last_layer_of_zeros_is_sound(network) -> None:
    model = network(64, 64, 10)
    nn.init.zeros_(model[-1].weight)
    assert check_first_values(Record(first_weights=first_weights(model.named_modules()))) == []


@pytest.mark.parametrize(("width", "codes"), [(2, []), (16, ["initialisation.too-small"])])
def test_the_spread_of_a_few_numbers_tells_nothing(network, width: int, codes: list[str]) -> None:
    model = network(64, width, width, 10)
    nn.init.normal_(model[2].weight, std=1e-3)
    record = Record(model={"": model}, first_weights=first_weights(model.named_modules()))
    assert [f.code for f in check_first_values(record)] == codes


def test_recurrent_layers_are_looked_at() -> None:
    found = first_weights(nn.LSTM(4, 8).named_modules())
    assert [f.name for f in found] == ["weight_ih_l0", "weight_hh_l0"]
    # Uniform within 1 / sqrt(hidden): std = 1 / sqrt(3 * 8), times the root of the inputs.
    assert found[1].gain == pytest.approx((1 / 3) ** 0.5, rel=0.2)


@pytest.mark.parametrize(
    ("gain", "codes"), [(1.0, []), (2.5, ["initialisation.too-large"]), (0.1, ["initialisation.too-small"])]
)
def test_the_matrix_that_is_applied_at_every_time_step(gain: float, codes: list[str]) -> None:
    model = nn.Sequential(nn.RNN(4, 32), nn.Linear(32, 2))
    nn.init.orthogonal_(model[0].weight_hh_l0, gain=gain)
    record = Record(first_weights=first_weights(model.named_modules()))
    assert [f.code for f in check_first_values(record)] == codes


@pytest.mark.parametrize(
    ("std", "codes"),
    [(1.0, []), (0.02, []), (20.0, ["initialisation.too-large"]), (1e-5, ["initialisation.too-small"])],
)
def test_embeddings(std: float, codes: list[str]) -> None:
    model = nn.Sequential(nn.Embedding(50, 16), nn.Linear(16, 4))
    nn.init.normal_(model[0].weight, std=std)
    record = Record(model={"": model}, first_weights=first_weights(model.named_modules()))
    found = check_first_values(record)
    assert [f.code for f in found] == codes
    for f in found:
        assert f.picture.names == ("0",)
        assert f"{f.picture.curves['root mean square'][0][1]:.2g}" in f.evidence


@pytest.mark.parametrize(("factor", "found"), [(300.0, True), (1.0, False)])
def test_a_first_loss_far_above_a_guess(watched, digits, network, factor: float, found: bool) -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = network(64, 32, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return factor * self.layers(x)

    seen = check_first_values(watched(Scaled(), *digits, steps=2))
    assert [(f.code, f.confidence) for f in seen] == (
        [("initialisation.too-large", "medium")] if found else []
    )
    for f in seen:
        assert f.evidence.startswith(f"{f.picture.curves['loss'][0][1]:.3g} at the first update")
        assert f.picture.level[0] == pytest.approx(math.log(10))


def test_tables_of_zeros() -> None:
    model = nn.ModuleList([nn.Embedding(50, 8), nn.Embedding(40, 8), nn.Embedding(50, 1)])
    for table in model:
        nn.init.zeros_(table.weight)
    found = check_first_values(Record(first_weights=first_weights(model.named_modules())))
    assert [f.code for f in found] == ["initialisation.constant"]
    assert found[0].picture.curves["root mean square"] == ((0.0, 0.0), (1.0, 0.0))
    nn.init.normal_(model[1].weight)  # one of the two may begin at zero
    assert check_first_values(Record(first_weights=first_weights(model.named_modules()))) == []


@pytest.mark.parametrize(("size", "found"), [(20.0, True), (0.2, False)])
def test_positions_that_drown_what_they_are_added_to(watched, digits, size: float, found: bool) -> None:
    class Positions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.norm, self.head = nn.Linear(8, 16), nn.LayerNorm(16), nn.Linear(16, 10)
            self.position = nn.Parameter(size * torch.randn(1, 8, 16))
            self.log_variance = nn.Parameter(torch.full((8, 16), -9.0))  # a constant may be of any size

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.norm(self.layer(x.unflatten(1, (8, 8))) + self.position + self.log_variance.exp())
            return self.head(h.mean(1))

    torch.manual_seed(0)
    seen = check_first_values(watched(Positions(), *digits, steps=2))
    assert [(f.code, f.confidence) for f in seen] == ([("initialisation.too-large", "high")] if found else [])
    for f in seen:
        assert f.picture.names == ("position",)
        assert f"root mean square {f.picture.curves['root mean square'][0][1]:.3g}" in f.evidence


class Headed(nn.Module):
    """Two heads, the first of which begins small, or at zero; or it is no head."""

    def __init__(self, scale: float, *, hidden: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.policy, self.value = nn.Linear(64, 32), nn.Linear(32, 10), nn.Linear(32, 1)
        self.after = nn.Linear(10, 10) if hidden else nn.Identity()
        with torch.no_grad():
            self.policy.weight.mul_(scale)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.body(x).relu()
        return self.after(
            self.policy(h).relu() if isinstance(self.after, nn.Linear) else self.policy(h)
        ), self.value(h)


@pytest.mark.parametrize("scale", [0.0, 0.01])
def test_heads_begin_small_on_purpose(watched, digits, scale: float) -> None:
    def loss(out: tuple[torch.Tensor, torch.Tensor], y: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(out[0], y) + out[1].square().mean()

    assert check_first_values(watched(Headed(scale), *digits, loss=loss, steps=3)) == []
    found = check_first_values(watched(Headed(scale, hidden=True), *digits, loss=loss, steps=3))
    assert [f.code for f in found] == ["initialisation.too-small" if scale else "initialisation.constant"]


def test_frequencies_before_a_sine_may_be_large(watched, digits) -> None:
    class Waves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.frequencies, self.head = nn.Parameter(10 * torch.randn(64, 32)), nn.Linear(32, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head((x @ self.frequencies).sin())

    found = check_first_values(watched(Waves(), *digits, steps=2))
    assert [f.confidence for f in found] == ["medium"]


class Gated(nn.Module):
    """A layer whose scale and shift come from another one, which begins at zero; or all begins there."""

    def __init__(self, *, all_zero: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.gate, self.head = nn.Linear(64, 32), nn.Linear(64, 64), nn.Linear(32, 10)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)
        if all_zero:
            nn.init.zeros_(self.head.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale, shift = self.gate(x).chunk(2, dim=1)
        return self.head(self.body(x) * (1 + scale) + shift)


@pytest.mark.parametrize("all_zero", [False, True])
def test_gates_that_begin_at_zero_and_part(watched, digits, all_zero: bool) -> None:
    optimizer_of = torch.optim.SGD
    model = Gated(all_zero=all_zero)
    found = check_first_values(
        watched(model, *digits, optimizer=optimizer_of(model.parameters(), lr=0.1), steps=4)
    )
    # Behind a head of zeros, the gate has no gradient at first.
    assert [f.code for f in found] == (["initialisation.constant"] if all_zero else [])
