"""Architectures for given pictures, found by evolution over blocks within a budget of seconds."""

from fivefold.tasks.images.design.fitness import TrialSettings
from fivefold.tasks.images.design.limits import Limits
from fivefold.tasks.images.design.result import DesignResult
from fivefold.tasks.images.design.search import design

__all__ = ["DesignResult", "Limits", "TrialSettings", "design"]
