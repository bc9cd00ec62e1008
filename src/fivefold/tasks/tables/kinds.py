"""What a column holds, and why it is read so."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fivefold.core import ArtifactError
from fivefold.tasks.tables.dates import DateForm
from fivefold.tasks.tables.figures import NumberForm


class Kind(StrEnum):
    """The kinds of column that the models tell apart; ``ordered`` is for a target of classes alone."""

    NUMBER = "number"
    CATEGORY = "category"
    TEXT = "text"
    DATE = "date"
    BOOLEAN = "boolean"
    ORDERED = "ordered"
    IDENTIFIER = "identifier"


class Physical(StrEnum):
    """How the training table stored a column, so that a later file's cells come to the same texts."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"


@dataclass(frozen=True)
class ColumnType:
    """The kind of one column.

    Attributes:
        name: The column.
        kind: Its kind.
        reason: One clause that is shown to the user.
        certain: False where another kind is plausible, so that the user should look.
        used: False for identifiers and for columns without information (empty or constant): they are dropped.
        physical: How the training table stored it.
        levels: A category's levels (sorted; None where there are more than 10,000), the levels of an ordered
            target in their order, or a boolean's two texts for false and true (None for true booleans and for
            0 and 1).
        number_form: How texts of a number column are written.
        date_form: How texts of a date column are written.
    """

    name: str
    kind: Kind
    reason: str
    certain: bool = True
    used: bool = True
    physical: Physical = Physical.NUMBER
    levels: tuple[str, ...] | None = None
    number_form: NumberForm | None = None
    date_form: DateForm | None = None

    def to_record(self) -> dict[str, Any]:
        """Plain JSON form."""
        return {
            "name": self.name,
            "kind": self.kind.value,
            "reason": self.reason,
            "certain": self.certain,
            "used": self.used,
            "physical": self.physical.value,
            "levels": None if self.levels is None else list(self.levels),
            "number_form": self.number_form and self.number_form.to_record(),
            "date_form": self.date_form and self.date_form.value,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "ColumnType":
        """Read the plain JSON form.

        Raises:
            ArtifactError: A field is missing or outside its values.

        >>> column = ColumnType("zip", Kind.CATEGORY, "70 whole numbers repeat", levels=("98001", "98002"))
        >>> ColumnType.from_record(column.to_record()) == column
        True
        """
        try:
            levels, form, date = record["levels"], record["number_form"], record["date_form"]
            return cls(
                str(record["name"]),
                Kind(record["kind"]),
                str(record["reason"]),
                bool(record["certain"]),
                bool(record["used"]),
                Physical(record["physical"]),
                None if levels is None else tuple(str(level) for level in levels),
                None if form is None else NumberForm.from_record(form),
                None if date is None else DateForm(date),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ArtifactError("a record of a column's kind", f"{type(error).__name__}: {error}") from error
