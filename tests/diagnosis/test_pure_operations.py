"""The closed list: what is in it is pure, and what is asked of it is bounded."""

import pytest
import torch

from fivefold.core import ArtifactError
from fivefold.diagnosis.pure_operations import (
    PURE,
    check_size,
    find_operation,
    functional,
    name_of,
    operations,
)

aten = torch.ops.aten


def test_every_operation_is_a_pure_function_of_tensors() -> None:
    """None writes into what it is given, takes a generator, opens a file or makes tensors out of nothing."""
    found = list(operations())
    assert {name_of(op).partition(".")[0] for op in found} == PURE
    for op in found:
        schema = op._schema
        kinds = [str(a.type) for a in schema.arguments]
        assert not schema.is_mutable, op
        assert not any(a.alias_info is not None and a.alias_info.is_write for a in schema.arguments), op
        assert "Generator" not in " ".join(kinds), op
        assert any("Tensor" in kind for kind in kinds), op
        # Attention draws numbers for dropout alone, which the processor's kernel refuses (tested below).
        draws = torch.Tag.nondeterministic_seeded in op.tags
        assert not draws or op is aten._scaled_dot_product_flash_attention_for_cpu.default, op


@pytest.mark.parametrize(
    "name",
    [
        "from_file.default", "sqrt_.default", "sqrt.out", "sqrt", "bernoulli.default", "os.system",
        "sqrt.__class__", "__init__.default", "", None, 3, "sqrt.default.default",
    ],
)  # fmt: skip
def test_anything_else_is_refused(name: object) -> None:
    with pytest.raises(ArtifactError, match="operations that a replay may name"):
        find_operation(name)


def test_names_go_both_ways() -> None:
    assert find_operation(name_of(aten.pow.Tensor_Scalar)) is aten.pow.Tensor_Scalar
    assert functional(aten.div_.Tensor) is aten.div.Tensor
    assert functional(aten.bernoulli_.float) is None
    assert functional(aten.as_strided.default) is None


@pytest.mark.parametrize(
    ("operation", "arguments", "expected"),
    [
        (aten.add.Tensor, (torch.ones(50_000, 1), torch.ones(50_000)), "a result of at most"),
        (aten.constant_pad_nd.default, (torch.ones(1), [0, 1 << 40]), "a result of at most"),
        (aten.mm.default, (torch.ones(2, 3), torch.ones(2, 3)), "arguments that mm.default takes"),
        (aten.sum.default, ("a",), "arguments that sum.default takes"),
        (aten.avg_pool2d.default, (torch.ones(1, 1, 4000, 4000), [2000, 2000], [1, 1]), "work of at most"),
        (
            aten.convolution.default,
            (
                torch.ones(1, 1, 3000, 3000),
                torch.ones(1, 1, 1000, 1000),
                None,
                [1, 1],
                [0, 0],
                [1, 1],
                False,
                [0, 0],
                1,
            ),
            "work of at most",
        ),
        (
            aten.native_batch_norm.default,
            (torch.ones(2, 30), torch.ones(3), None, None, None, True, 0.1, 1e-5),
            "one number per channel",
        ),
    ],
)
def test_what_is_out_of_proportion_is_refused(operation, arguments, expected: str) -> None:
    with pytest.raises(ArtifactError, match=expected):
        check_size(operation, arguments, {}, 1 << 28)


def test_what_is_usual_passes() -> None:
    check_size(aten.addmm.default, (torch.ones(64), torch.ones(256, 784), torch.ones(784, 64)), {}, 1 << 20)
