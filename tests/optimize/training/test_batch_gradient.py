"""A batch in parts has the whole batch's gradient, and memory that does not suffice asks for parts."""

import pytest
import torch
from torch import nn

from fivefold.optimize.training.batch_gradient import BatchGradient, is_out_of_memory
from fivefold.optimize.training.losses import squared_loss
from fivefold.optimize.training.perturbation import RandomNoise
from fivefold.optimize.training.perturbed_inputs import PerturbedInputs
from fivefold.optimize.training.step_choices import StepChoices


def network(*extra):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 8), *extra, nn.Tanh(), nn.Linear(8, 1)).double()


def batch(n=50):
    X = torch.randn(n, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return X, X.sin().sum(1)


def gradient(net, parts=1, loss=squared_loss, **settings):
    compute = BatchGradient(net, loss, list(net.parameters()), StepChoices(parts=parts), **settings)
    value = compute(batch())
    return value, [p.grad.clone() for p in net.parameters()], compute


@pytest.mark.parametrize("parts", [2, 3, 7, 50, 80])
def test_parts_give_the_gradient_of_the_whole_batch(parts):
    whole, exact, _ = gradient(network())
    value, found, _ = gradient(network(), parts)
    torch.testing.assert_close(value, whole, rtol=1e-13, atol=1e-13)  # sums in another order
    torch.testing.assert_close(found, exact, rtol=1e-12, atol=1e-13)


def test_parts_of_unequal_size_weigh_by_their_rows():
    """Planted: with equal weights 50 rows in 7 parts of 8 and 7 would be off by far more than rounding."""
    _, exact, _ = gradient(network())
    net = network()
    for piece in zip(*(part.tensor_split(7) for part in batch()), strict=True):
        (squared_loss(net(piece[0]), piece[1]) / 7).backward()
    assert max(float((p.grad - e).abs().max()) for p, e in zip(net.parameters(), exact, strict=True)) > 1e-6


class Small(nn.Module):
    """Memory for so many rows."""

    def __init__(self, rows):
        super().__init__()
        self.rows, self.inner = rows, network()

    def forward(self, X):
        if X.shape[0] > self.rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.inner(X)


def test_after_an_out_of_memory_error_the_batch_is_computed_in_parts():
    _, exact, _ = gradient(network())
    _, found, compute = gradient(Small(13))
    assert compute.choices.parts == 4
    assert [note.split(";")[0] for note in compute.notes] == [
        "out of memory: each batch is computed in 2 parts",
        "out of memory: each batch is computed in 4 parts",
    ]
    torch.testing.assert_close(found, exact, rtol=1e-12, atol=1e-13)
    assert "batch norm" not in compute.notes[0]


def noisy(net, parts=1):
    perturb = PerturbedInputs(net, squared_loss, RandomNoise(0.5), torch.Generator().manual_seed(4))
    return gradient(net, parts, perturb=perturb)


def test_after_an_out_of_memory_error_the_perturbation_draws_the_same_numbers_as_in_parts_from_the_start():
    def attack(module, loss, X, targets, generator):
        """Noise that looks at the module, and so meets the bound on its memory, after it has drawn."""
        noise = torch.randn(X.shape, generator=generator, dtype=X.dtype)
        return X + 0.1 * module(X).detach() * noise

    found = []
    for net, parts in ((Small(13), 1), (Small(50), 4)):
        perturb = PerturbedInputs(net, squared_loss, attack, torch.Generator().manual_seed(4))
        value, slopes, compute = gradient(net, parts, perturb=perturb)
        assert compute.choices.parts == 4
        found.append((value, *slopes, perturb.generator.get_state()))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_the_gradient_is_that_at_the_perturbed_inputs():
    net, (X, y) = network(), batch()
    value, found, _ = noisy(net)
    noise = torch.randn(X.shape, generator=torch.Generator().manual_seed(4), dtype=X.dtype)
    expected = squared_loss(net(X + 0.5 * noise), y)
    torch.testing.assert_close(value, expected.detach())
    torch.testing.assert_close(found, list(torch.autograd.grad(expected, list(net.parameters()))))
    assert not torch.allclose(value, squared_loss(net(X), y).detach())


def test_another_error_of_a_perturbation_is_raised():
    def broken(module, loss, X, targets, generator):
        raise RuntimeError("another reason")

    net = network()
    with pytest.raises(RuntimeError, match="another reason"):
        gradient(net, perturb=PerturbedInputs(net, squared_loss, broken, torch.Generator()))


def test_batch_norm_is_named_as_the_exception():
    net = network(nn.BatchNorm1d(8))
    compute = BatchGradient(net, squared_loss, list(net.parameters()), StepChoices())
    compute._halve()
    assert "except for batch norm" in compute.notes[0]


def test_one_row_that_does_not_fit_and_other_errors_are_raised():
    with pytest.raises(torch.OutOfMemoryError):
        gradient(Small(0))

    def broken(out, y):
        raise RuntimeError("another reason")

    with pytest.raises(RuntimeError, match="another reason"):
        gradient(network(), loss=broken)


def test_what_counts_as_out_of_memory():
    cpu = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: 8 bytes"
    assert is_out_of_memory(RuntimeError(cpu))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError) as raised:
        torch.empty(1 << 60)
    assert is_out_of_memory(raised.value)


def test_bfloat16_products_keep_the_loss_in_full():
    net = nn.Linear(3, 1)
    X, y = (part.float() for part in batch())
    compute = BatchGradient(net, squared_loss, list(net.parameters()), StepChoices(precision="bfloat16"))
    value = compute((X, y))
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, squared_loss(net(X), y).detach(), rtol=0.02, atol=0.02)
    assert not torch.equal(value, squared_loss(net(X), y).detach())


def test_augmentation_draws_from_its_own_generator():
    seen = []

    def augment(X, generator):
        seen.append(torch.rand(1, generator=generator, dtype=torch.float64))
        return X + seen[-1]

    net = network()
    draw = torch.Generator().manual_seed(4)
    before = torch.get_rng_state()
    value, _, _ = gradient(net, augment=augment, generator=draw)
    assert torch.equal(before, torch.get_rng_state())
    X, y = batch()
    torch.testing.assert_close(value, squared_loss(net(X + seen[0]), y).detach())
