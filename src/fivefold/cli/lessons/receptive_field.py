"""Lesson: the receptive field, and how much of it a deep stack of convolutions really looks at."""

from typing import Any

import numpy as np

from fivefold.cli.lessons.layers import Layer, bars, figure, frame, line, panel, picture, points, polygon
from fivefold.cli.lessons.layers import text as words
from fivefold.cli.lessons.walks import Array
from fivefold.concepts.receptive_field import Window, expected_deviation, field, slopes
from fivefold.core import numpy_generator

FORMULAS = (
    (
        r"r_\ell = r_{\ell-1} + (t_\ell - 1)\, d_\ell\, j_{\ell-1} \qquad j_\ell = j_{\ell-1}\, s_\ell",
        "Size and jump. A window of t adds t − 1 steps, and each step is as long as the strides below it "
        "have made it.",
    ),
    (
        r"f + i j,\ \ldots,\ f + i j + r - 1 \qquad f_\ell = f_{\ell-1} - p_\ell\, j_{\ell-1}",
        "The pixels that unit i sees. A first pixel below zero lies in the padding.",
    ),
    (
        r"\sigma^2 = \sum_\ell\, (d_\ell\, j_{\ell-1})^2\, \frac{t_\ell^2 - 1}{12}",
        "The effective field: the deviation of the squared slope by pixel, for independent weights. Window "
        "of 3, stride 1: σ = √(2L/3), while r = 2L + 1.",
    ),
)
CALLS = (
    ("fivefold.networks.receptive_field", "size, jump and start of a whole stack, transposed layers too."),
    ("torch.nn.functional.conv2d", "its gradient with respect to the picture is the field of a unit."),
    ("torch.autograd.grad", "does the same for a whole network, with the bends that it has."),
)
RELATED = (
    ("convolution", "one layer, its stride and its padding"),
    ("pooling", "makes all later steps longer"),
    ("backpropagation", "what sends the slope back to the pixels"),
    ("hierarchy-of-features", "what the larger fields of later layers are for"),
)

_DEPTHS = (1, 2, 3, 5, 8, 12, 18, 25)
_SIDE, _CHANNELS = 55, 4


def geometry() -> dict[str, Any]:
    """Show what one unit sees through three layers, and how the size grows by layer."""
    plain = [Window(3)] * 3
    strided = [Window(3), Window(3, stride=2), Window(3)]
    dilated = [Window(3), Window(3, dilation=2), Window(3, dilation=4)]
    stacks = [("Plain", plain, "blue"), ("Stride 2 in the middle", strided, "orange")]
    cones = [_cone(name, stack, colour) for name, stack, colour in stacks]
    depth = np.arange(0, 9)
    growth = []
    for name, colour, strides in (
        ("stride 2, or dilation 2ˡ⁻¹", "orange", (2, 2)),
        ("stride 2 in every second", "purple", (1, 2)),
        ("plain", "blue", (1, 1)),
    ):
        stack = [Window(3, stride=stride) for stride in strides * 4]
        sizes = [field(stack[:n])[0] for n in depth]
        growth.append(line(depth, sizes, colour, marker="o", label=name))
    return {
        "text": [
            "A unit of the first layer sees the pixels under its window. A unit of the second sees the "
            "fields of "
            "the units under its own window, and so on: the field grows with every layer.",
            f"Three plain layers of 3 see {field(plain)[0]} pixels along each axis, with 27 weights against "
            f"the 49 of one window of 7. A stride makes all later steps longer: {field(strided)[0]} pixels. "
            f"So does a dilation, a window with gaps: {field(dilated)[0]} pixels with gaps of 1, 2 and 4.",
        ],
        "figures": [
            figure(
                "Rows of squares for pixels and three layers; lines from one unit at the top fan out down to "
                "its pixels.",
                "One unit at the top, and all that it sees in the rows below. Bottom row: the pixels.",
                *cones,
            ),
            figure(
                "Three curves of the size by the number of layers: the plain one flattens on a logarithmic "
                "axis, the others do not.",
                "Windows of 3 in every layer. Only strides, pooling and dilation make the field grow faster "
                "than layer by layer.",
                panel(
                    "Size r of the field, pixels",
                    growth,
                    xlabel="layers",
                    ylog=True,
                    xlim=(0, 8.2),
                    ylim=(0.9, 700),
                    legend="upper left",
                ),
            ),
        ],
    }


def vary() -> dict[str, Any]:
    """Put more and more layers on top of each other."""
    return {
        "label": "the number of layers L",
        "text": f"Windows of 3 × 3, stride 1, {_CHANNELS} channels, weights N(0, 1), no bends. Left: the "
        "size of the slope of one unit by pixel, its largest value white, and the field as a frame. "
        "Middle: the squared slope, added up by column. Right: the two sizes.",
        "start": 4,
        "frames": [_deep(depth) for depth in _DEPTHS],
    }


def failures() -> list[dict[str, Any]]:
    """Show a field with holes, and one that lies mostly in the padding."""
    holes = []
    for dilations in ((2, 2, 2), (1, 2, 3)):
        stack = [Window(3, dilation=d) for d in dilations]
        paths = slopes(stack, [np.ones((1, 1, 3, 3))] * 3)[0]
        seen = 100.0 * float(np.mean(paths > 0.0))
        title = f"Dilations {', '.join(map(str, dilations))}: {seen:.0f}% seen"
        holes.append(panel(title, [picture(np.sqrt(paths / paths.max()))], bare=True))
    layers = vgg16()
    size, jump, first = field(layers)
    share = np.array(
        [max(0, min(224, first + i * jump + size) - max(0, first + i * jump)) / size for i in range(7)]
    )
    frames: list[Layer] = [
        polygon([0, 224, 224, 0], [0, 0, 224, 224], "blue", alpha=0.2, label="the picture")
    ]
    for i, colour, label in ((3, "green", "unit (3, 3)"), (0, "red", "unit (0, 0)")):
        low, high = first + i * jump, first + i * jump + size
        frames.append(polygon([low, high, high, low], [low, low, high, high], colour, alpha=0.0, label=label))
    return [
        {
            "title": "A field full of holes",
            "text": "Dilation is said to see more at no cost. With the same dilation of 2 three times over, "
            "a unit "
            "sees every second pixel along each axis, about a quarter of its field, and its neighbour sees "
            "another quarter: the answer falls apart into four pictures that know nothing of each other. "
            "Dilations 1, 2, 3 reach as far and leave no hole.",
            "figures": [
                figure(
                    "A lattice of single bright pixels on black, and a bright patch without holes.",
                    "How many paths lead from a unit to each pixel of its field of 13 × 13, as shades of the "
                    "root.",
                    *holes,
                )
            ],
        },
        {
            "title": "More field than picture",
            "text": f"The convolutions and poolings of VGG-16 give a field of {size} pixels at a jump of "
            f"{jump}. On a picture of 224 × 224 there are 7 × 7 units, and the first one's field begins at "
            f"pixel −{-first}: {100 * (1 - share[0] ** 2):.0f}% of what it sees is zeros of the padding. "
            f"For the unit in the middle it is {100 * (1 - share[3] ** 2):.0f}%. A large field does not "
            "help where there is no picture.",
            "figures": [
                figure(
                    "A square picture, a frame that fits into it, and a second frame of which only a corner "
                    "overlaps it.",
                    "Left: the fields of two units. Right: by the unit's place along one axis.",
                    panel(
                        "Two fields on the picture",
                        frames,
                        equal=True,
                        xlim=(-100, 240),
                        ylim=(340, -100),
                        legend="lower left",
                    ),
                    panel(
                        "Share of the field in the picture",
                        [bars(np.arange(7), share, "blue")],
                        xlabel="unit i, along one axis",
                        xlim=(-0.6, 6.6),
                        ylim=(0, 1.05),
                    ),
                )
            ],
        },
    ]


def vgg16() -> list[Window]:
    """Return the convolutions and poolings of VGG-16, from the pixels up."""
    layers: list[Window] = []
    for convolutions in (2, 2, 3, 3, 3):
        layers += [Window(3, padding=1)] * convolutions + [Window(2, stride=2)]
    return layers


def drawn(depth: int) -> Array:
    """Return the slopes [channels, 2 L + 1, 2 L + 1] of one unit of a stack with drawn weights."""
    generator = numpy_generator(0, "show", "receptive-field", depth)
    windows = [generator.normal(size=(_CHANNELS, _CHANNELS, 3, 3)) for _ in range(depth)]
    return slopes([Window(3)] * depth, windows)


def by_column(g: Array) -> Array:
    """Return the squared slope added up over channels and rows, as shares."""
    total = np.sum(g**2, axis=(0, 1))
    return np.asarray(total / total.sum())


def deviation(shares: Array) -> float:
    """Return the deviation of the shares, in pixels."""
    place = np.arange(len(shares))
    return float(np.sqrt(shares @ place**2 - (shares @ place) ** 2))


def _cone(name: str, stack: list[Window], colour: str) -> dict[str, Any]:
    size, _, _ = field(stack)
    layers: list[Layer] = []
    seen = [{0}]  # the units of each row that the top one sees, from the top down
    for window in stack[::-1]:
        seen.insert(
            0,
            {i * window.stride + a * window.dilation for i in seen[0] for a in range(window.size)},
        )
    middle = (size - 1) / 2.0
    places = []
    for level, units in enumerate(seen):
        jump = field(stack[:level])[1]
        start = (field(stack[:level])[0] - 1) / 2.0
        places.append({i: start + i * jump for i in units})
    for level, window in enumerate(stack):
        for i in seen[level + 1]:
            for a in range(window.size):
                ends = [places[level][i * window.stride + a * window.dilation], places[level + 1][i]]
                layers.append(line(ends, [level + 0.22, level + 1 - 0.22], colour, width=0.9))
    for level, row in enumerate(places):
        for at in row.values():
            box = np.array([-0.36, 0.36, 0.36, -0.36]), np.array([-0.2, -0.2, 0.2, 0.2])
            layers.append(polygon(at + box[0], level + box[1], colour, alpha=0.25, width=1.0))
        count = len(row)
        layers.append(words(middle + 5.6, level, str(count), "muted", align="center"))
    layers.append(words(middle + 5.6, 3.55, "seen", "muted", align="center"))
    return panel(
        f"{name}: r = {size}",
        layers,
        bare=True,
        xlim=(middle - 5, middle + 6.4),
        ylim=(-0.4, 3.8),
    )


def _deep(depth: int) -> dict[str, Any]:
    stack = [Window(3)] * depth
    size, sigma = field(stack)[0], expected_deviation(stack)
    g = drawn(depth)
    shares = by_column(g)
    canvas = np.zeros((_SIDE, _SIDE))
    low = (_SIDE - size) // 2
    strength = np.sqrt(np.sum(g**2, axis=0))
    canvas[low : low + size, low : low + size] = strength / strength.max()
    edge = np.array([low - 0.5, low + size - 0.5])
    rim = line(edge[[0, 1, 1, 0, 0]], edge[[0, 0, 1, 1, 0]], "orange", width=1.6)
    place = np.arange(size) - depth
    paths = slopes([Window(3)] * depth, [np.ones((1, 1, 3, 3))] * depth)[0].sum(axis=0)
    inside = float(shares[np.abs(place) <= 2.0 * sigma].sum())
    expected = [expected_deviation([Window(3)] * n) for n in range(1, 26)]
    layer = np.arange(1, 26)
    return frame(
        f"L = {depth}",
        f"The field is {size} pixels wide; four deviations, 4σ, are {4 * sigma:.1f}, "
        f"{100 * 4 * sigma / size:.0f}% of it. Measured in this net: 4σ = {4 * deviation(shares):.1f}; "
        f"{100 * inside:.0f}% of the squared slope lies within.",
        f"A bright spot within a square frame of {size} pixels, its profile, and two sizes by depth",
        panel("Slope by pixel", [picture(canvas), rim], bare=True),
        panel(
            "Squared slope by column",
            [
                bars(place, shares, "blue", width=0.9),
                line(place, paths / paths.sum(), "ink", width=1.3, label="by counting paths"),
                line([-depth - 0.5] * 2, [0, 0.5], "orange", width=1.3),
                line([depth + 0.5] * 2, [0, 0.5], "orange", width=1.3, label="the field"),
            ],
            xlabel="pixels from the middle",
            xlim=(-26, 26),
            ylim=(0, 0.42),
            legend="upper right",
        ),
        panel(
            "Sizes in pixels",
            [
                line(layer, 2 * layer + 1, "orange", label="field r = 2L + 1"),
                line(layer, 4 * np.array(expected), "blue", label="effective, 4σ"),
                points([depth], [size], "orange", size=9.0),
                points([depth], [4 * deviation(shares)], "ink", size=9.0),
            ],
            xlabel="layers L",
            xlim=(0, 26),
            ylim=(0, 55),
            legend="upper left",
        ),
    )
