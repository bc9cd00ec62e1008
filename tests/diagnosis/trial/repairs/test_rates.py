"""Rates, momentum, schedules, lengths."""

import pytest

LOOP = """
    import torch
    from torch.utils.data import DataLoader
    LR = 0.5
    loader = DataLoader(rows, batch_size=8)
    opt = torch.optim.SGD(net.parameters(), lr=LR, momentum=0.999)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=LR, total_steps=epochs * len(rows))
    for epoch in range(EPOCHS):
        for x in loader:
            loss = net(x)
            loss.backward()
            opt.step()
            sched.step()
    """


def rates(made: list[list[str]]) -> list[str]:
    return [version[-1].removeprefix("+ ") for version in made]


def test_a_rate_is_lowered_to_the_measured_and_the_usual_one(changed) -> None:
    made = changed("rate.too-high", LOOP, figures={"rate": 0.5, "to": 0.01})
    assert rates(made) == ["LR = 0.01", "LR = 0.05", "LR = 0.005"]


def test_a_rate_is_raised(changed) -> None:
    text = LOOP.replace("LR = 0.5", "LR = 1e-5").replace("SGD", "Adam")
    made = changed("rate.too-low", text, figures={"rate": 1e-5, "to": 3e-4})
    assert rates(made) == ["LR = 0.0003", "LR = 0.001", "LR = 0.0001", "LR = 0.01"]


def test_a_schedule_whose_peak_is_written_apart_is_scaled_with_it(changed) -> None:
    text = LOOP.replace("max_lr=LR", "max_lr=2.0")
    (first, *_) = changed("rate.too-high", text, figures={"rate": 0.5, "to": 0.05})
    assert first[2:] == [
        "+ LR = 0.05",
        "+ sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=0.2, total_steps=epochs * len(rows))",
    ]


def test_a_rate_that_is_not_written_is_added(changed) -> None:
    text = "import torch\nopt = torch.optim.Adam(p)\n"
    made = changed("rate.too-high", text, figures={"rate": 0.001, "to": 0.0001})
    assert rates(made)[0] == "opt = torch.optim.Adam(p, lr=0.0001)"
    assert changed("rate.too-high", text)[0][0].startswith("unsure")
    assert changed("rate.too-high", "x = 1")[0][0].startswith("unsure")
    usual = text.replace("(p)", "(p, lr=0.01)")
    assert changed("rate.too-low", usual, figures={"to": 0.011, "rate": 0.01})[0][0] == (
        "unsure: the rate is already the usual one"
    )


def test_momentum(changed) -> None:
    assert "momentum=0.9)" in changed("rate.momentum", LOOP)[0][-1]
    text = """
    import torch
    from torch.optim.lr_scheduler import OneCycleLR
    opt = torch.optim.Adam(p, betas=(0.999, 0.999))
    s = OneCycleLR(opt, 1.0, total_steps=5, base_momentum=0.99, max_momentum=0.999)
    """
    nine, five = changed("rate.momentum", text)
    assert five[2] == "+ opt = torch.optim.Adam(p, betas=(0.5, 0.999))"
    assert nine[2:] == [
        "+ opt = torch.optim.Adam(p, betas=(0.9, 0.999))",
        "+ s = OneCycleLR(opt, 1.0, total_steps=5, base_momentum=0.85, max_momentum=0.95)",
    ]
    assert changed("rate.momentum", "x = 1")[0][0].startswith("unsure")


def test_betas_in_the_wrong_order_change_places(changed) -> None:
    text = "import torch\nopt = torch.optim.Adam(p, betas=(0.999, 0.5))\n"
    swapped, nine, _ = changed("rate.momentum", text)
    assert swapped[-1] == "+ opt = torch.optim.Adam(p, betas=(0.5, 0.999))"
    assert nine[-1] == "+ opt = torch.optim.Adam(p, betas=(0.9, 0.5))"
    assert len(changed("rate.momentum", text.replace("0.5", "0.9999"))) == 2


def test_a_schedule_is_counted_otherwise_or_left_out(repair) -> None:
    moved, batches, without = repair("schedule.ends-early", LOOP)
    assert moved.splitlines()[-2:] == ["        opt.step()", "    sched.step()"]
    assert "total_steps=epochs * len(loader))" in batches
    assert "sched.step()" not in without


def test_a_schedule_gets_the_number_of_its_steps(changed) -> None:
    text = LOOP.replace("epochs * len(rows)", "10_000")
    made = changed("schedule.unfinished", text, figures={"taken": 300.0})
    assert any("total_steps=300)" in line for version in made for line in version)


def test_a_schedule_that_steps_in_the_outer_loop_may_step_at_each_batch(repair) -> None:
    text = LOOP.replace("            sched.step()", "        sched.step()")
    versions = repair("schedule.idle", text)
    assert any(v.splitlines()[-1] == "        sched.step()" for v in versions)


def test_a_schedule_that_is_never_moved(repair) -> None:
    text = LOOP.replace("            sched.step()\n", "")
    each, after = repair("schedule.never-moved", text)
    assert each.splitlines()[-1] == "        sched.step()"
    assert after.splitlines()[-1] == "    sched.step()"
    assert repair("schedule.never-moved", "x = 1")[0].startswith("unsure")


def test_the_length_of_a_training(changed, picture) -> None:
    text = LOOP.replace("    LR = 0.5", "    EPOCHS = 20")
    assert rates(changed("fit.unfinished", text)) == ["EPOCHS = 60", "EPOCHS = 200"]
    held = picture(held_out=[(0, 3.0), (25, 1.0), (100, 2.0)])
    assert "EPOCHS = 5" in rates(changed("fit.overfits", text, picture=held))
    assert changed("fit.unfinished", "loss.backward()")[0][0].startswith("unsure")


@pytest.mark.parametrize(
    "text",
    [
        "def f(n=20):\n    for e in range(1, n + 1):\n        g().backward()",
        "def step(x):\n    f(x).backward()\nfor e in range(20):\n    step(e)",
        "for e in range(20):\n    for x in range(3 * k):\n        f(x).backward()",
    ],
)
def test_lengths_are_found_around_calls_too(repair, text: str) -> None:
    assert repair("fit.unfinished", text)[0] == text.replace("20", "60")
