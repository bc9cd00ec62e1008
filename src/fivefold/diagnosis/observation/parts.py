"""Which modules inside a model tell training from evaluation, and which are called without the model."""

from torch import nn

DROPOUTS = (nn.modules.dropout._DropoutNd,)
NORMS = (nn.modules.batchnorm._BatchNorm,)


def trains(module: nn.Module) -> tuple[bool, bool]:
    """Return whether a module works in training mode, and whether something inside tells the modes apart.

    Where dropout or batch norm is inside, their modes count, not the outer one: ``model.encoder.eval()``
    leaves the model's own flag as it was. A part that is frozen on purpose does not count as evaluation.

    >>> net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    >>> trains(net), trains(nn.Linear(2, 2).eval())
    ((True, True), (False, False))
    >>> net[1].training = False
    >>> net.training, trains(net)
    (True, (False, True))
    """
    # A loop over what modules hold, not named_modules: this runs at every forward pass.
    tells = False
    open_modules = [module]
    while open_modules:
        each = open_modules.pop()
        if isinstance(each, NORMS) or (isinstance(each, DROPOUTS) and each.p > 0):
            if each.training:
                return True, True
            tells = True
        open_modules.extend(m for m in each._modules.values() if m is not None)
    return (False, True) if tells else (module.training, False)


def parts_of(module: nn.Module) -> list[nn.Module]:
    """Return the children of a model that may be called without it: its class has methods of its own.

    >>> class Translator(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.encoder = nn.Linear(2, 2)
    ...     def translate(self, x):
    ...         return self.encoder(x)
    >>> len(parts_of(Translator())), len(parts_of(nn.Sequential(nn.Linear(2, 2))))
    (1, 0)
    """
    own = (
        name
        for kind in type(module).__mro__
        if not kind.__module__.startswith("torch.")
        for name, value in vars(kind).items()
        if callable(value) and not name.startswith("_") and name != "forward"
    )
    known = set(dir(nn.Module))
    return list(module.children()) if any(name not in known for name in own) else []
