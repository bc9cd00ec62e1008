"""Contrast of the palette (WCAG 2.2) and its colours as people with colour blindness see them."""

from itertools import combinations

import numpy as np
import pytest

from fivefold.report.theme import (
    CONTENT_SECURITY_POLICY,
    DARK,
    GROUNDS,
    LIGHT,
    MARKERS,
    SERIES,
    TEXT,
    contrast,
    luminance,
    stylesheet,
)

SCHEMES = {"light": LIGHT, "dark": DARK}

# Machado, Oliveira and Fernandes, A physiologically-based model for simulation of color vision deficiency
# (IEEE TVCG 15:6, 2009), severity 1, on linear RGB.
DEFICIENCY = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def lab(colour: str, matrix: list[list[float]]) -> np.ndarray:
    """CIE L*a*b* (D65) of a colour after a linear change of what is seen."""
    rgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(matrix) @ linear, 0, 1)
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    x, y, z = np.cbrt(to_xyz @ seen / np.array([0.9505, 1.0, 1.089]))
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_published_contrasts() -> None:
    # The W3C's own example: #767676 is the lightest grey that passes on white.
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
    assert contrast("#777777", "#ffffff") < 4.5
    assert luminance("#ff0000") == pytest.approx(0.2126)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_both_schemes_name_the_same_colours(scheme: str) -> None:
    assert set(SCHEMES[scheme]) == set(LIGHT)
    assert all(len(c) == 7 and c[0] == "#" and c == c.lower() for c in SCHEMES[scheme].values())
    assert len(set(LIGHT.values())) == len(LIGHT), "a picture finds a name by its colour"


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXT)
def test_text_has_enough_contrast(scheme: str, ground: str, text: str) -> None:
    palette = SCHEMES[scheme]
    assert contrast(palette[text], palette[ground]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("mark", SERIES)
def test_marks_stand_out_from_bands_too(scheme: str, mark: str) -> None:
    palette = SCHEMES[scheme]
    assert contrast(palette[mark], palette["band"]) >= 3
    assert contrast(palette["muted"], palette["band"]) >= 3


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("deficiency", DEFICIENCY)
def test_the_first_series_differ_for_the_colour_blind(scheme: str, deficiency: str) -> None:
    """20 in CIE76 is far beyond the just noticeable difference of about 2.3 (Mahy et al., 1994)."""
    matrix = DEFICIENCY[deficiency]
    chosen, yardstick, constant = (lab(SCHEMES[scheme][name], matrix) for name in ("blue", "orange", "grey"))
    if deficiency == "tritanopia":
        assert np.linalg.norm(chosen - yardstick) > 20
        return
    for first, second in combinations((chosen, yardstick, constant), 2):
        assert np.linalg.norm(first - second) > 20


def test_the_simulation_can_fail() -> None:
    red, green = (lab(c, DEFICIENCY["deuteranopia"]) for c in ("#a06000", "#7a7000"))
    assert np.linalg.norm(red - green) < 20


def test_series_do_not_rest_on_colour_alone() -> None:
    assert len(set(MARKERS)) == len(MARKERS) >= len(SERIES)


def test_the_stylesheet_uses_named_colours_and_loads_nothing() -> None:
    css = stylesheet()
    names = {name.replace("_", "-") for name in LIGHT} | {"sans", "serif", "mono"}
    used = {part.split(")")[0] for part in css.split("var(--")[1:]}
    assert used <= names
    assert "@import" not in css
    assert "url(" not in css
    assert css.count("{") == css.count("}")
    assert "prefers-color-scheme:dark" in css
    assert "@media print" in css


def test_the_policy_allows_no_script() -> None:
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'")
    assert "script-src" not in CONTENT_SECURITY_POLICY
