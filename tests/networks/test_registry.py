"""Every architecture: counts, names and outputs of torchvision's, stages, styles, first weights, refusals.

``torchvision.json`` holds facts about torchvision 0.28.0: parameter counts and multiply-adds as its weights'
records state them, a digest of the state dictionary's names and shapes, and for some architectures the
float64 outputs of its own code for weights and a picture made by :func:`fill_with_waves` and
:func:`wavy_picture`.
"""

import hashlib
import json
import math
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

from fivefold.core import ArgumentError
from fivefold.networks.architectures.cortex import ventral_pathway
from fivefold.networks.architectures.lenet import LeNet
from fivefold.networks.architectures.resnet import CifarResNet, ResNet
from fivefold.networks.architectures.unet import UNet
from fivefold.networks.costs import layer_costs
from fivefold.networks.first_weights import BRANCHES, INVERTED
from fivefold.networks.registry import ENTRIES, create, names
from fivefold.networks.style import ACTIVATIONS, NORMS, Style

TORCHVISION = json.loads((Path(__file__).parent / "torchvision.json").read_text(encoding="utf-8"))[
    "architectures"
]
SMALL = (
    "lenet5",
    "resnet20",
    "shufflenet_v2_x0_5",
    "mobilenet_v3_small",
    "squeezenet1_1",
    "speedrun",
    "cortex",
)
OWN_COUNTS = [
    # computed by hand or by the papers' tables; None of these is torchvision's
    ("lenet5", {"classes": 10, "channels": 1}, 61_706),
    ("resnet20", {"classes": 10}, 269_722),
    ("resnet20", {"classes": 10, "shortcut": "project"}, 272_474),
    ("resnet56", {"classes": 10}, 853_018),
    ("unet", {"classes": 2, "channels": 1, "norm": "none"}, 31_030_658),
    ("unet", {"classes": 2, "channels": 3}, 31_037_698),
    ("speedrun", {"classes": 10}, 1_972_792),
]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def fill_with_waves(network):
    """Weights from a formula: every tensor a sine whose phase is its place among the sorted names."""
    state = network.state_dict()
    for k, name in enumerate(sorted(state)):
        value = state[name]
        if not value.is_floating_point():
            value.zero_()
            continue
        i = torch.arange(value.numel(), dtype=torch.float64)
        wave = torch.sin(0.7 * k + 1.3 * i + 0.01 * i * i % 6.28)
        if name.endswith("running_var"):
            wave = 1 + 0.5 * wave
        elif value.ndim > 1:
            wave = wave * math.sqrt(4 / value[0].numel())
        else:
            wave = 1 + 0.2 * wave if name.endswith("weight") else 0.1 * wave
        value.copy_(wave.reshape(value.shape))


def wavy_picture():
    i = torch.arange(3 * 96 * 80, dtype=torch.float64)
    return torch.sin(0.37 * i + 1e-4 * i * i).reshape(1, 3, 96, 80)


@cache
def counted(name, classes, picture):
    return layer_costs(create(name, classes=classes, channels=picture[0], device="meta"), (1, *picture))


@pytest.mark.parametrize("name", TORCHVISION)
def test_parameters_and_multiply_adds_are_torchvisions(name):
    costs = counted(name, 1000, (3, 224, 224))
    assert sum(c.parameters for c in costs) == TORCHVISION[name]["parameters"]
    count = sum(c.multiply_adds for c in costs) / 1e9
    stated = TORCHVISION[name]["giga_multiply_adds"]
    assert abs(count - stated) <= 0.00051  # it is stated with three decimals


@pytest.mark.parametrize("name", TORCHVISION)
def test_names_and_shapes_of_the_state_are_torchvisions_in_its_order(name):
    state = create(name, device="meta").state_dict()
    lines = "\n".join(f"{key} {list(value.shape)}" for key, value in state.items())
    assert hashlib.sha256(lines.encode()).hexdigest()[:16] == TORCHVISION[name]["names"]


@pytest.mark.parametrize("name", [name for name, facts in TORCHVISION.items() if "outputs" in facts])
def test_outputs_are_torchvisions(name):
    network = create(name, classes=7, generator=seeded()).double().eval()
    fill_with_waves(network)
    with torch.no_grad():
        outputs = network(wavy_picture())[0]
    expected = torch.tensor(TORCHVISION[name]["outputs"], dtype=torch.float64)
    # float64 through at most 169 layers; the reference is written with 12 digits
    torch.testing.assert_close(outputs, expected, rtol=1e-8, atol=1e-8 * expected.abs().max().item())


@pytest.mark.parametrize(("name", "choices", "count"), OWN_COUNTS)
def test_parameters_of_architectures_that_torchvision_lacks(name, choices, count):
    assert parameters(create(name, device="meta", **choices)) == count


def test_shufflenets_multiply_adds_are_the_papers():
    for name, mega in {"0_5": 41, "1_0": 146, "1_5": 299, "2_0": 591}.items():
        costs = layer_costs(create(f"shufflenet_v2_x{name}", device="meta"), (1, 3, 224, 224))
        # table 8 of the paper; rounded, and 1.5% above ours at the two larger sizes as above torchvision's
        assert sum(c.multiply_adds for c in costs) / 1e6 == pytest.approx(mega, rel=0.015)


@pytest.mark.parametrize("name", names())
def test_stages_shrink_and_a_smaller_picture_than_the_smallest_is_refused(name):
    network = create(name, classes=4, channels=2, device="meta").eval()
    side = network.smallest
    network(torch.empty(1, 2, side, side, device="meta"))
    found = network.intermediate(torch.empty(2, 2, 128, 96, device="meta"))
    assert all(x.shape[0] == 2 for x in found.values())
    if name != "unet":
        areas = [x.shape[2] * x.shape[3] for x in found.values()]
        assert areas == sorted(areas, reverse=True)
    if side > 1:
        with pytest.raises(ArgumentError, match=f"at least {side} x {side}"):
            network(torch.empty(1, 2, side - 1, side, device="meta"))
        network.smallest = 1
        with pytest.raises(RuntimeError):  # the stated size is the smallest at which every stage has a place
            network(torch.empty(1, 2, side - 1, side - 1, device="meta"))


STYLES = [(name, norm, None) for name in SMALL for norm in NORMS] + [
    ("resnet20", "batch", activation) for activation in ACTIVATIONS
]


@pytest.mark.parametrize(("name", "norm", "activation"), STYLES)
def test_every_normalisation_and_activation_runs_and_learns(name, norm, activation):
    network = create(name, classes=3, activation=activation, norm=norm, generator=seeded())
    x = torch.randn(4, 3, 40, 40, generator=seeded(1))
    loss = nn.functional.cross_entropy(network(x), torch.tensor([0, 1, 2, 0]))
    loss.backward()
    missing = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert not missing
    assert math.isfinite(loss.item())


@pytest.mark.parametrize("name", SMALL)
def test_first_weights_belong_to_the_generator_alone(name):
    before = torch.get_rng_state()
    one, two = create(name, classes=5, generator=seeded(3)), create(name, classes=5, generator=seeded(3))
    other = create(name, classes=5, generator=seeded(4))
    assert torch.equal(torch.get_rng_state(), before)
    for key, value in one.state_dict().items():
        assert torch.isfinite(value).all()
        assert torch.equal(value, two.state_dict()[key])
    assert any(not torch.equal(v, other.state_dict()[k]) for k, v in one.state_dict().items())


def test_a_classifier_begins_at_the_loss_of_knowing_nothing():
    x = torch.randn(32, 3, 32, 32, generator=seeded(1))
    for name, norm in [
        ("resnet20", "batch"),
        ("resnet50", "none"),
        ("mobilenet_v2", "none"),
        ("densenet121", "batch"),
    ]:
        network = create(name, classes=10, norm=norm, generator=seeded())
        with torch.no_grad():
            loss = nn.functional.cross_entropy(network(x), torch.arange(32) % 10).item()
        # without normalisation the signal of resnet50 doubles at each of four projections
        assert loss == pytest.approx(math.log(10), rel=0.15)


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("name", ["resnet20", "resnet50", "mobilenet_v2", "mnasnet0_5", "efficientnet_b0"])
def test_residual_branches_begin_at_nought(name, norm):
    network = create(name, classes=10, norm=norm, generator=seeded()).eval()
    blocks = [b for b in network.modules() if isinstance(b, BRANCHES)]
    inner = [b for b in blocks if (b.adds if isinstance(b, INVERTED) else b.downsample is None)]
    assert inner
    for block in inner:
        first = next(m for m in block.modules() if isinstance(m, nn.Conv2d))
        # not below 0, which the activation after a ResNet's sum would cut
        x = torch.rand(2, first.in_channels, 8, 8, generator=seeded(1))
        assert torch.equal(block(x), x)
    others = [b for b in blocks if isinstance(b, INVERTED) and not b.adds]
    assert all(b.closing.weight.any() for b in others)


@pytest.mark.parametrize("name", [*SMALL, "densenet121", "unet", "googlenet"])
@pytest.mark.parametrize("norm", ["batch", "none"])
def test_stages_are_the_same_alone_and_together(name, norm):
    small = {"width": 4} if name == "unet" else {}
    network = create(name, classes=3, norm=norm, generator=seeded(), **small).eval()
    x = torch.randn(1, 3, 40, 40, generator=seeded(1))
    with torch.no_grad():
        for stage, answer in network.intermediate(x).items():
            assert torch.equal(network.intermediate(x, stage)[stage], answer)


def test_intermediate_stops_where_it_may_and_names_what_it_lacks():
    network = create("resnet18", classes=10, generator=seeded()).eval()
    x = torch.randn(1, 3, 64, 64, generator=seeded(1))
    whole = network.intermediate(x)
    assert list(whole) == ["stem", "stage1", "stage2", "stage3", "stage4"]
    assert torch.equal(network.head(whole["stage4"]), network(x))
    ran = []
    network.layer3.register_forward_hook(lambda *_: ran.append(3))
    part = network.intermediate(x, ["stage1", "stage2"])
    assert list(part) == ["stage1", "stage2"]
    assert not ran
    with pytest.raises(ArgumentError, match=r"stages among stem, .*; got stage9"):
        network.intermediate(x, ["stage9"])
    assert network.intermediate(x, []) == {}


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32), (1, 3, 32)])
def test_pictures_of_another_shape_are_refused(shape):
    with pytest.raises(ArgumentError, match=r"pictures of shape \[N, 3, height, width\]"):
        create("resnet20", classes=2, generator=seeded())(torch.zeros(shape))


PICTURES = torch.zeros(2, 3, 8, 8)


@pytest.mark.parametrize(
    ("pictures", "said"),
    [
        (list(PICTURES), r"a tensor of pictures \[N, 3, height, width\]; got a list of 2; .*torch.stack"),
        (PICTURES.numpy(), r"a tensor of pictures .*; got ndarray; .*torch.as_tensor"),
        (PICTURES.to(torch.uint8), r"real numbers, .*; got torch.uint8; .*pictures.float\(\) / 255"),
        (PICTURES.to(torch.complex64), "real numbers, .*; got torch.complex64"),
        (
            PICTURES.double(),
            r"type of the weights, torch.float32; got torch.float64; .*\.to\(torch.float32\)",
        ),
    ],
)
def test_pictures_of_another_type_are_refused(pictures, said):
    network = create("resnet20", classes=2, generator=seeded())
    for take in (network, network.intermediate):
        with pytest.raises(ArgumentError, match=said):
            take(pictures)


def test_types_that_autocast_changes_are_taken():
    network = create("resnet20", classes=2, generator=seeded())
    with torch.autocast("cpu", torch.bfloat16):
        assert network(PICTURES.to(torch.bfloat16)).shape == (2, 2)
        network.layer3 = nn.Linear(3, 3)  # of another size than what comes in
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            network(PICTURES.to(torch.bfloat16))


@pytest.mark.parametrize("training", [True, False])
def test_pictures_that_leave_instance_norm_one_place_are_refused_with_their_size(training):
    network = create("resnet18", classes=2, norm="instance", generator=seeded()).train(training)
    said = "several values of a channel; got 3 of 32 x 32 pixels.*; enlarge them, or .*norm='group'"
    for take in (network, network.intermediate):
        with pytest.raises(ArgumentError, match=said):
            take(torch.zeros(3, 3, 32, 32))
    assert network(torch.zeros(1, 3, 32, 33)).shape == (1, 2)  # two places at the end
    other = create("resnet18", classes=2, norm="group", generator=seeded()).train(training)
    assert other(torch.zeros(1, 3, 32, 32)).shape == (1, 2)


def test_a_single_small_picture_is_refused_where_batch_norm_trains():
    network = create("resnet18", classes=2, generator=seeded())
    with pytest.raises(
        ArgumentError, match=r"got 1 of 32 x 32 pixels.*; give several at once while training"
    ):
        network(torch.zeros(1, 3, 32, 32))
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 2)
    assert network.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 2)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: CifarResNet(2, 1, Style(), width=0), "at least 1 channel"),
        (lambda: ResNet(2, 1, Style(), block="basic", repeats=(2, 0, 2, 2)), "at least 1 block"),
        (lambda: UNet(2, 1, Style(), width=0), "at least 1 channel"),
        (lambda: UNet(2, 1, Style(), width=2, depth=0), "poolings"),
        (lambda: LeNet(2.0, 1, Style()), "classes as a whole number of at least 1; got 2.0"),
    ],
)
def test_sizes_are_checked_where_an_architecture_is_made_by_its_class(make, said):
    with pytest.raises(ArgumentError, match=said):
        make()


def test_an_unknown_name_option_or_choice_is_refused_with_what_is_known():
    with pytest.raises(ArgumentError, match="did you mean 'resnet18'"):
        create("resnet_18")
    with pytest.raises(ArgumentError, match=r"names\(\)"):
        create("zzz")
    with pytest.raises(ArgumentError, match="options of 'resnet20' among depth, width, shortcut; got dept"):
        create("resnet20", dept=3)
    with pytest.raises(ArgumentError, match="no options of 'lenet5'"):
        create("lenet5", width=3)
    with pytest.raises(ArgumentError, match="an activation among relu"):
        create("resnet20", activation="rely")
    with pytest.raises(ArgumentError, match="a normalisation among batch"):
        create("resnet20", norm="weight")
    with pytest.raises(ArgumentError, match="classes as a whole number of at least 1; got 0"):
        create("resnet20", classes=0)
    with pytest.raises(ArgumentError, match="channels as a whole number of at least 1; got 0"):
        create("resnet20", channels=0)
    with pytest.raises(ArgumentError, match="classes as a whole number of at least 1; got '10'"):
        create("resnet20", classes="10")
    with pytest.raises(ArgumentError, match="a device of torch"):
        create("resnet20", device="gpu")
    with pytest.raises(ArgumentError, match=r"a torch\.Generator; got 42"):
        create("lenet5", generator=42)
    with pytest.raises(ArgumentError, match="width as a whole number of at least 1; got 'wide'"):
        create("resnet20", width="wide")
    with pytest.raises(ArgumentError, match="options that 'vgg11' can be made with"):
        create("vgg11", repeats=(1, 1))


@pytest.mark.parametrize(
    ("name", "option", "said"),
    [
        ("resnet20", {"depth": 21}, "6 n"),
        ("resnet20", {"width": 0}, "width as a whole number of at least 1"),
        ("resnet20", {"width": 10**30}, "options that 'resnet20' can be made with"),
        ("vgg11", {"dropout": 1.5}, r"dropout as a probability, a number in \[0, 1\)"),
        ("vgg11", {"dropout": float("nan")}, "dropout as a probability"),
        ("densenet121", {"growth": 0}, "growth as a whole number of at least 1"),
        ("densenet121", {"depths": ()}, "depths as a list of whole numbers of at least 1"),
        ("mobilenet_v2", {"multiplier": float("inf")}, "positive multiplier"),
        ("resnet20", {"shortcut": "crop"}, "shortcut"),
        ("resnet18", {"block": "big"}, "block"),
        ("squeezenet1_0", {"version": "2"}, "version"),
        ("mobilenet_v2", {"multiplier": 0.0}, "positive multiplier"),
        ("mnasnet1_0", {"multiplier": -1.0}, "positive multiplier"),
        ("mobilenet_v3_small", {"form": "tiny"}, "form"),
        ("shufflenet_v2_x1_0", {"multiplier": 3.0}, "multiplier"),
        ("unet", {"depth": 7}, "poolings"),
        ("unet", {"width": 0}, "width as a whole number of at least 1"),
        ("cortex", {"width": 3}, "even width"),
        ("resnet18", {"repeats": (2, 2)}, "4 stages"),
        ("resnet18", {"repeats": (2, 0, 2, 2)}, "repeats as a list of whole numbers of at least 1"),
        ("resnet18", {"groups": 32}, "bottlenecks alone"),
        ("convnext_tiny", {"norm": "batch"}, "'layer' or 'none'"),
        ("convnext_tiny", {"depths": (1, 1)}, "4 widths"),
        ("resnet18", {"norm": ""}, "a normalisation among"),
    ],
)
def test_options_out_of_range_are_refused(name, option, said):
    with pytest.raises(ArgumentError, match=said):
        create(name, device="meta", **option)


def test_a_unet_answers_at_every_pixel_of_odd_sizes_too():
    network = create("unet", classes=2, channels=1, width=4, generator=seeded()).eval()
    assert network(torch.zeros(1, 1, 37, 50)).shape == (1, 2, 37, 50)


def test_the_speed_run_net_whitens_patches():
    network = create("speedrun", classes=10, generator=seeded()).double()
    mix = torch.randn(3, 3, generator=seeded(1), dtype=torch.float64)
    noise = torch.randn(64, 3, 20, 20, generator=seeded(2), dtype=torch.float64)
    pictures = torch.einsum("cd,ndhw->nchw", mix, noise) + 5
    network.whiten_(pictures, epsilon=0.0)
    answers = network.whiten(pictures)[:, :12].transpose(0, 1).reshape(12, -1)
    # the covariance of what whitened filters answer on the pictures that they were made from is the identity
    torch.testing.assert_close(answers.cov(), torch.eye(12, dtype=torch.float64), rtol=0, atol=1e-9)
    assert torch.equal(network.whiten.weight[12:], -network.whiten.weight[:12])
    with pytest.raises(ArgumentError, match="finite pictures"):
        network.whiten_(pictures / 0)
    with pytest.raises(ArgumentError, match="patches that vary"):
        network.whiten_(torch.ones(8, 3, 9, 9), epsilon=0.0)
    with pytest.raises(ArgumentError, match="at least 24 patches"):
        network.whiten_(torch.zeros(0, 3, 9, 9))


def test_speed_run_convolutions_pass_channels_through_at_first():
    conv = create("speedrun", classes=10, generator=seeded()).groups[2].conv1
    x = torch.randn(1, 256, 6, 6, generator=seeded(1))
    torch.testing.assert_close(conv(x), x)


def test_the_cortex_is_an_acyclic_graph_whose_populations_all_reach_the_answer():
    populations, connections = ventral_pathway(8)
    order = {"LGN": -1} | {p.name: i for i, p in enumerate(populations)}
    assert all(order[c.source] < order[c.target] for c in connections)
    reaching = {"AIT_23", "AIT_5"}
    for c in sorted(connections, key=lambda c: -order[c.target]):
        if c.target in reaching:
            reaching.add(c.source)
    assert reaching == set(order)


def test_the_table_of_the_page_is_what_is_counted():
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in page.splitlines()
        if line.startswith("| `") and line.count("|") == 6  # name, picture, and three figures
    ]
    assert [row[0].strip("`") for row in rows] == names()
    for name, picture, count, adds, traffic in rows:
        shape = tuple(map(int, picture.split("x")))
        classes = 2 if "unet" in name else 10 if shape[1] == 32 else 1000
        costs = counted(name.strip("`"), classes, shape)
        assert f"{sum(c.parameters for c in costs):,}" == count
        total = sum(c.multiply_adds for c in costs)
        assert adds == (f"{total / 1e9:.3f} G" if total >= 1e9 else f"{total / 1e6:.1f} M")
        assert f"{sum(c.bytes for c in costs) / 2**20:,.0f} MiB" == traffic


def test_registered_names_say_what_they_are():
    assert names() == sorted(ENTRIES)
    assert all(name == name.lower() for name in names())
