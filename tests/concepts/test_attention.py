"""Attention written out: torch's kernel with and without masks, torch's heads, how a softmax saturates."""

import numpy as np
import pytest
import torch

from fivefold.concepts.attention import attention, several_heads, slope_left, softmax


def random_case(*lead: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    shapes = (*lead, 5, 6), (*lead, 7, 6), (*lead, 7, 4)
    Q, K, V = (generator.normal(0.5, 2.0, size=shape) for shape in shapes)
    return Q, K, V


@pytest.mark.parametrize("kind", ["none", "random", "causal", "an empty row"])
@pytest.mark.parametrize("lead", [(), (2, 3)])
@pytest.mark.parametrize("scale", [None, 0.3])
def test_fast_path(kind: str, lead: tuple[int, ...], scale: float | None) -> None:
    Q, K, V = random_case(*lead)
    mask = None
    if kind != "none":
        mask = np.tril(np.ones((5, 7), dtype=bool))
    if kind in ("random", "an empty row"):
        mask = np.random.default_rng(1).random((5, 7)) < 0.5
        mask[:, 2] = True
    if kind == "an empty row":
        assert mask is not None
        mask[3] = False
    seen = None if mask is None else torch.from_numpy(mask)
    fast = torch.nn.functional.scaled_dot_product_attention(
        torch.from_numpy(Q), torch.from_numpy(K), torch.from_numpy(V), attn_mask=seen, scale=scale
    ).numpy()
    Y, A = attention(Q, K, V, mask, scale)
    rows = np.arange(5) != (3 if kind == "an empty row" else -1)  # torch's answer there changed in 2.5
    np.testing.assert_allclose(Y[..., rows, :], fast[..., rows, :], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(A.sum(axis=-1)[..., rows], 1.0, rtol=1e-13)
    if mask is not None:
        assert np.all(A[..., ~mask] == 0.0)


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("causal", [False, True])
def test_heads_are_torch_s(heads: int, causal: bool) -> None:
    generator = np.random.default_rng(2)
    x = generator.normal(1.0, 1.0, size=(6, 8))
    W = tuple(generator.normal(size=(8, 8)) for _ in range(4))
    fast = torch.nn.MultiheadAttention(8, heads, bias=False, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        fast.in_proj_weight.copy_(torch.from_numpy(np.concatenate(W[:3], axis=1).T))
        fast.out_proj.weight.copy_(torch.from_numpy(W[3].T))
    rows = torch.from_numpy(x)[None]
    mask = np.tril(np.ones((6, 6), dtype=bool)) if causal else None
    hidden = None if mask is None else torch.from_numpy(~mask)  # torch's modules say True for what is hidden
    out, weights = fast(rows, rows, rows, attn_mask=hidden, average_attn_weights=False)
    Y, A = several_heads(x, (W[0], W[1], W[2], W[3]), heads, mask)
    np.testing.assert_allclose(Y, out.detach().numpy()[0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(A, weights.detach().numpy()[0], rtol=1e-10, atol=1e-13)


def test_large_scores_do_not_overflow_and_a_shift_changes_nothing() -> None:
    scores = np.array([[1000.0, 999.0, -1e6]])
    np.testing.assert_allclose(softmax(scores), softmax(scores - 1000.0), rtol=1e-12)
    hidden = softmax(np.array([[1e300, 1.0, 2.0]]), np.array([[False, True, True]]))
    np.testing.assert_allclose(hidden, [[0.0, 1 / (1 + np.e), np.e / (1 + np.e)]], rtol=1e-12)


def test_the_slope_left_is_the_trace_of_the_jacobian() -> None:
    scores = torch.tensor([0.3, -1.2, 2.0, 0.9], dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda s: torch.softmax(s, 0), scores)
    assert slope_left(softmax(scores.numpy())) == pytest.approx(float(jacobian.trace()), rel=1e-13)


@pytest.mark.parametrize("d", [4, 64, 1024])
def test_scores_spread_as_the_root_of_the_width(d: int) -> None:
    generator = np.random.default_rng(d)
    q, k = generator.normal(size=(2, 4000, d))
    scores = np.sum(q * k, axis=1)
    # E s⁴ = 3d² + 6d: the mean square is known to √((2 + 6/d)/4000)
    assert np.mean(scores**2) / d == pytest.approx(1.0, abs=4 * np.sqrt((2 + 6 / d) / 4000))


def test_without_the_scale_the_softmax_saturates() -> None:
    generator = np.random.default_rng(3)
    Q, K = generator.normal(size=(200, 512)), generator.normal(size=(10, 512))
    scaled, plain = attention(Q, K, K)[1], attention(Q, K, K, scale=1.0)[1]
    assert slope_left(scaled).mean() > 0.7
    assert slope_left(plain).mean() < 0.1


def test_the_order_of_the_keys_does_not_count() -> None:
    Q, K, V = random_case()
    turned = np.random.default_rng(4).permutation(7)
    np.testing.assert_allclose(attention(Q, K[turned], V[turned])[0], attention(Q, K, V)[0], rtol=1e-12)
