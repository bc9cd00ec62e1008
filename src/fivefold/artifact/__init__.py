"""The saved form: written atomically, verified when read, resolved through closed registries.

Reading an artifact executes nothing from it and needs neither torch nor scikit-learn.
"""

from fivefold.artifact.bundle import Bundle
from fivefold.artifact.card import model_card
from fivefold.artifact.csv_out import CsvWriter, TextSink
from fivefold.artifact.read import load
from fivefold.artifact.recognise import is_artifact
from fivefold.artifact.registry import Registry
from fivefold.artifact.write import save

__all__ = ["Bundle", "CsvWriter", "Registry", "TextSink", "is_artifact", "load", "model_card", "save"]
