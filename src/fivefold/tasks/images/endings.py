"""Names of picture files: their endings."""

ENDINGS = (
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
"""Names that promise a picture. A file with another name in a folder of pictures is left out and named."""


def has_picture_ending(name: str) -> bool:
    """Whether a name ends as those of picture files do.

    >>> has_picture_ending("cats/1.JPG"), has_picture_ending("notes.txt")
    (True, False)
    """
    return name.strip().lower().endswith(ENDINGS)
