"""The finding of a comparison in a terminal."""

from fivefold.report.compare_text import render_comparison_text
from fivefold.report.text import columns

METHODS = [
    {
        "name": "newton",
        "status": "converged",
        "reached": {"gradients": 25.0, "seconds": 0.04},
        "gap": 0.0,
        "won": True,
        "verdict": "One step.",
    },
    {
        "name": "adam\x1b[31m",
        "status": "out of budget",
        "reached": {},
        "gap": 3e-5,
        "verdict": "Noise. " * 40,
    },
]


def test_the_finding_comes_first_then_the_table_then_why() -> None:
    said = render_comparison_text(
        {
            "headline": "newton wins.",
            "problems": [{"methods": METHODS, "spectrum": {"sentences": ["F bends 9 times as much."]}}],
        }
    )
    lines = said.splitlines()
    assert lines[0] == "newton wins."
    assert "* newton" in said
    assert "25  40 ms" in said
    assert "newton: One step." in said
    assert lines[-1] == "F bends 9 times as much."
    assert all(columns(line) <= 88 for line in lines)
    assert "\x1b" not in said


def test_several_problems_and_their_profiles() -> None:
    problems = [{"name": n, "headline": f"{n} so.", "methods": METHODS} for n in ("one", "two")]
    said = render_comparison_text(
        {"headline": "x.", "problems": problems, "profiles": {"methods": [{"name": "newton", "solved": 0.5}]}}
    )
    assert "one: one so." in said
    assert "50%" in said
    assert "One step." not in said


def test_an_empty_record_says_so() -> None:
    assert render_comparison_text({}) == "This record holds no comparison.\n"
    assert render_comparison_text({"problems": [{"methods": 3}]}).endswith("\n")
