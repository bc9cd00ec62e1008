"""What the checks of a training look for, as questions, with the codes of the findings that answer them."""

LOOKED_FOR: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Are losses, gradients and weights finite?", ("nonfinite.",)),
    ("Do backward pass, update and clearing come in their order?", ("step.", "gradient.accumulates")),
    (
        "Does the gradient reach every parameter, and the optimizer hold it?",
        ("parameters.", "gradient.detached"),
    ),
    ("Is the loss given what it expects: logits, shapes, reduction?", ("loss.",)),
    ("Do examples, tokens and padding keep apart where they must?", ("axis.", "batch.", "mask.")),
    ("Is the model in training mode where it trains, and not where it is evaluated?", ("mode.",)),
    (
        "Are evaluation examples new, and prepared like the training examples?",
        ("data.leak", "data.preparation"),
    ),
    ("Are batches in random order, without repeats?", ("data.ordered", "data.repeated", "data.exhausted")),
    ("Do labels fit their examples?", ("labels.",)),
    ("Are classes in balance?", ("imbalance.",)),
    ("Is the learning rate right along the loss, and its schedule?", ("rate.", "schedule.")),
    ("Are first weights of the right size, and different?", ("initialisation.",)),
    ("Does the gradient reach the first layers at its scale?", ("gradient.vanishes", "gradient.explodes")),
    ("Do units answer: not dead, not saturated?", ("units.",)),
    ("Are inputs and targets scaled, and inputs used?", ("inputs.", "targets.")),
    ("Can the output be what the targets are?", ("output.",)),
    ("Can the network say what there is to learn, and is its code used?", ("capacity.", "latent.")),
    ("Is anything held back: decay, dropout, penalties, clipping?", ("regularisation.", "clipping.")),
    (
        "Are numbers precise enough, and batches large enough for their norm?",
        ("precision.", "normalisation."),
    ),
    ("Does it train long enough, and not too long?", ("fit.",)),
)
"""Every question with the beginnings of codes that answer it; each code that a check can give is in one."""


def questions() -> list[dict[str, object]]:
    """Return them in plain form.

    >>> questions()[0]["codes"]
    ['nonfinite.']
    """
    return [{"question": question, "codes": list(codes)} for question, codes in LOOKED_FOR]
