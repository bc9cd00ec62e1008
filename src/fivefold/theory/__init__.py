"""Floor 6: what a model's loss looks like around its parameters: curvature, its edge of stability, noise."""

from fivefold.theory.curvature_verb import Curvature, curvature
from fivefold.theory.eigen_lines import LossLines, loss_along
from fivefold.theory.layers import LayerCurvature, layer_curvature
from fivefold.theory.noise_scale import GradientNoise, gradient_noise
from fivefold.theory.stability import StabilityMargin, stability_margin

__all__ = [
    "Curvature",
    "GradientNoise",
    "LayerCurvature",
    "LossLines",
    "StabilityMargin",
    "curvature",
    "gradient_noise",
    "layer_curvature",
    "loss_along",
    "stability_margin",
]
