"""What was measured in depth is told from what was not seen."""

from fivefold.report.depth import in_depth


def test_of_several_trainings() -> None:
    notes = [
        "a note",
        "training 2 (net (a)): in depth, at update 4: less",
        "training 1 (b): in depth: left out",
    ]
    assert in_depth(notes) == (["training 2 (net (a)): at update 4: less"], [notes[0], notes[2]])


def test_hostile_notes() -> None:
    long = "training 1 (" + "x" * 10_000 + "): in depth, a"
    assert in_depth([long, None, "not in depth, at all"]) == ([], [long, None, "not in depth, at all"])
    assert in_depth([]) == ([], [])
