"""The closed registry."""

import pytest

from fivefold.artifact import Registry
from fivefold.artifact.registry import is_kind
from fivefold.core import ArgumentError, ArtifactError


@pytest.fixture
def registry() -> Registry[type]:
    return Registry("reader", {"integer": int, "decimal": float})


def test_members(registry: Registry[type]) -> None:
    assert registry.get("integer") is int
    assert list(registry) == ["decimal", "integer"]
    assert len(registry) == 2
    assert "integer" in registry
    assert "int" not in registry
    assert 3 not in registry


@pytest.mark.parametrize(
    "name", ["int", "builtins.eval", "__class__", "get", "", None, ["integer"], {"a": 1}, "\x1b[0m"]
)
def test_unknown_names_are_refused_and_the_known_ones_listed(registry: Registry[type], name: object) -> None:
    with pytest.raises(ArtifactError, match="a reader out of 'decimal', 'integer'; got ") as caught:
        registry.get(name)
    assert str(caught.value).isprintable()


def test_an_empty_registry_says_so() -> None:
    with pytest.raises(ArtifactError, match="a reader out of none"):
        Registry("reader", {}).get("a")


def test_it_does_not_change_with_the_mapping_it_was_made_from() -> None:
    members = {"integer": int}
    registry = Registry("reader", members)
    members["eval"] = eval  # type: ignore[assignment]
    assert "eval" not in registry


@pytest.mark.parametrize("name", ["Upper", "os:system", "", "a" * 65, "a b", 3])
def test_names_are_plain(name: str) -> None:
    assert is_kind(name) is False
    with pytest.raises(ArgumentError, match="a lower-case name for a reader"):
        Registry("reader", {name: int})
