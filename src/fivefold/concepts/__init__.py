"""Floor 0: one concept a file, the formula beside a readable implementation that runs.

These files import NumPy alone and are written to be read. The fast rooms are tested against them, and
``fivefold show`` teaches from them. Import one by its name: ``from fivefold.concepts import svd``.
"""
