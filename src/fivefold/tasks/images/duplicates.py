"""Pictures that are there twice: equal ones, and the same one saved again, resized or slightly changed.

A picture in training and in test makes a test too easy: 3.3 % of CIFAR-10's test pictures have such a twin
(B. Barz and J. Denzler, "Do we train on test data? Purging CIFAR of near-duplicates", 2020).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fivefold.core import numpy_generator
from fivefold.tasks.images.image_set import SKETCH, ImageSet

ALIKE = 0.997
"""Least correlation of two sketches."""
ALIKE_IN_DETAIL = 0.993
"""Least correlation of the pictures themselves, at up to 24 x 24: noise of saving is averaged out there."""
_LEAST_DEVIATION = 6.0
_LEAST_SIDE = 16
_DETAIL = 24
_DIRECTIONS = 24
_NEIGHBOURS = 10
_MOST_ASKED = 1_000_000
"""Neighbours asked for in a round after the first: about 10 s, 4 us to find one and 6 to compare it."""
_BLOCK = 1 << 17
"""Pairs whose pictures are in memory together: at most 450 MB, each picture decoded once."""
_CHUNK = 1024


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Pairs of rows whose pictures are the same.

    Args:
        pairs: Rows [M, 2] of the set, the smaller first, sorted. Of k equal pictures k - 1 pairs are named,
            each with the first of them.
        exact: Whether [M] the decoded pixels are equal; else the pictures are near.
        similarity: Correlation [M] of the pictures at up to 24 x 24; 1 for equal ones.
        compared: How many pictures had enough size and detail to be compared for nearness.
        plain: How many had not; equal ones are found among them too.
        crowded: How many look like more others than were compared with them, none of which is a copy.

    >>> Duplicates(np.array([[0, 2]]), np.array([True]), np.ones(1, np.float32), 3, 0, 0).groups(4).tolist()
    [0, 1, 0, 2]
    """

    pairs: NDArray[np.int64]
    exact: NDArray[np.bool_]
    similarity: NDArray[np.float32]
    compared: int
    plain: int
    crowded: int

    def groups(self, n: int) -> NDArray[np.int64]:
        """A number [n] for each row, the same for rows that pairs join; n is the number of pictures.

        For splits that keep twins on one side.
        """
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        ones = np.ones(len(self.pairs), dtype=np.int8)
        graph = coo_array((ones, (self.pairs[:, 0], self.pairs[:, 1])), shape=(n, n))
        return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)

    def across(self, images: ImageSet) -> NDArray[np.bool_]:
        """Which pairs [M] have one picture in training and one in test, as the source gives them."""
        given = images.given[self.pairs]
        return np.asarray((given.min(1) == 0) & (given.max(1) == 1))

    def contradicting(self, images: ImageSet) -> NDArray[np.bool_]:
        """Which pairs [M] have two different labels."""
        labels = images.labels[self.pairs]
        return np.asarray((labels.min(1) >= 0) & (labels[:, 0] != labels[:, 1]))

    def describe(self, images: ImageSet) -> tuple[str, ...]:
        """What was found and what was not compared, one sentence each; nothing where there is neither."""
        notes = []
        for exact, what in ((True, "equal"), (False, "nearly equal")):
            here = self.exact == exact
            if not here.any():
                continue
            first, second = self.pairs[np.flatnonzero(here)[0]].tolist()
            extra = [
                f"{count:,} of them {text}"
                for count, text in (
                    (int((here & self.across(images)).sum()), "with one picture in training and one in test"),
                    (int((here & self.contradicting(images)).sum()), "with different labels"),
                )
                if count
            ]
            example = f" (such as {images.names[first]} and {images.names[second]})"
            pairs = f"{int(here.sum()):,} pair{'s' if here.sum() > 1 else ''}"
            notes.append(f"{', '.join([f'{pairs} of {what} pictures{example}', *extra])}.")
        if self.plain:
            were = "picture was" if self.plain == 1 else "pictures were"
            notes.append(f"{self.plain:,} {were} too small or too plain to be compared but for equality.")
        if self.crowded:
            notes.append(
                f"{self.crowded:,} pictures look like more others than were compared with them: copies may "
                "have been missed."
            )
        return tuple(notes)


def find_duplicates(images: ImageSet, rows: NDArray[np.int64] | None = None) -> Duplicates:
    """Find equal pictures, and pictures that were saved again, resized or slightly changed.

    Equal: the same size and decoded pixels. Near: the shapes agree, and the pictures correlate,

        r = <a, b> / (|a| |b|),  a and b without their mean, r >= 0.997 for sketches of 16 x 16 grey values
        from which the best parabola is taken out, and r >= 0.993 for the pictures at up to 24 x 24,

    so that brightness and contrast may differ. Only pictures of at least 16 x 16 whose sketch without its
    parabola deviates by at least 6 of 255 are compared: of a clear sky nothing can be told. Neighbours are
    found in a k-d tree over the sketches' 24 leading principal directions, which lie no farther apart than
    the sketches: the 10 nearest of each picture, then, of those that have so many in reach, the 20 nearest,
    and so on. In these later rounds one of two copies stands for both: k copies of a picture cost k
    comparisons a few times over, not k^2. A round that would ask for more than a million neighbours is left
    out, and ``crowded`` counts its pictures. Mirrored, turned or cropped copies are not found.

    Measured: of crops of photographs with enough detail at least 98 % are found again after JPEG at quality
    50, half or twice the size, or noise of 5 of 255, 83 % after brightening that clips; at 28 x 28 pixels
    99 % after JPEG at quality 75, 85 % at 50, none at half the size. Of the 2.2 billion pairs of Fashion-
    MNIST with different labels none is called near; of those with one label 75 are: most show the same
    article, a few trousers only the same cut.

    Args:
        images: The pictures.
        rows: Which to compare; ``None`` for all.

    Returns:
        Pairs of rows of ``images``.

    Raises:
        ArgumentError: A row out of range.
        DataError: A file has gone or has changed since it was read.

    >>> from fivefold.tasks.images.packed import Part, from_parts
    >>> noise = np.random.default_rng(0).integers(256, size=(5, 20, 20), dtype=np.uint8)
    >>> noise[4] = noise[1]
    >>> found = find_duplicates(from_parts("memory", [Part("x", noise, None, -1)], []))
    >>> found.pairs.tolist(), found.exact.tolist()
    ([[1, 4]], [True])
    """
    numbers = np.arange(len(images)) if rows is None else np.unique(np.asarray(rows, dtype=np.int64))
    sketches = images.sketches(numbers)
    equal = _equal(images, numbers, sketches)
    alone = np.setdiff1d(np.arange(len(numbers)), equal[:, 1])
    vectors, deviation = _vectors(sketches[alone])
    large = images.sizes[numbers[alone]].min(1) >= _LEAST_SIDE
    usable = alone[large & (deviation >= _LEAST_DEVIATION)]
    pairs, similarity, crowded = _near(
        images, numbers[usable], vectors[large & (deviation >= _LEAST_DEVIATION)]
    )
    exact = _equal_pixels(images, pairs)
    found = np.concatenate([numbers[equal].reshape(-1, 2), pairs])
    exact = np.concatenate([np.ones(len(equal), dtype=np.bool_), exact])
    values = np.concatenate([np.ones(len(equal), dtype=np.float32), similarity])
    order = np.lexsort((found[:, 1], found[:, 0]))
    values = np.where(exact, np.float32(1), values)
    return Duplicates(
        found[order], exact[order], values[order], len(usable), len(alone) - len(usable), crowded
    )


def _equal(images: ImageSet, numbers: NDArray[np.int64], sketches: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Places [m, 2] of equal pictures, each with the first of its kind; digests only where sketches agree."""
    keys = np.concatenate(
        [images.sizes[numbers].view(np.uint8).reshape(-1, 8), sketches.reshape(-1, SKETCH**2)],
        1,
    )
    whole = np.ascontiguousarray(keys).view(np.dtype((np.void, keys.shape[1]))).ravel()
    _, inverse, counts = np.unique(whole, return_inverse=True, return_counts=True)
    several = np.flatnonzero(counts[inverse] > 1)
    first: dict[bytes, int] = {}
    pairs = [
        (first.setdefault(key, place), place)
        for place, key in zip(several.tolist(), images.digests(numbers[several]), strict=True)
    ]
    return np.array([pair for pair in pairs if pair[0] != pair[1]], dtype=np.int64).reshape(-1, 2)


def _vectors(sketches: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit vectors [n, 256] of the sketches without their best parabola; their deviation [n] in grey."""
    x = np.linspace(-1, 1, SKETCH)
    down, right = (axis.ravel() for axis in np.meshgrid(x, x, indexing="ij"))
    terms = np.stack([np.ones_like(down), down, right, down**2, down * right, right**2], 1)
    basis = np.linalg.qr(terms)[0].astype(np.float32)
    vectors = sketches.reshape(-1, SKETCH**2).astype(np.float32)
    vectors -= vectors @ basis @ basis.T
    length = np.linalg.norm(vectors, axis=1)
    vectors /= np.maximum(length, np.float32(1e-6))[:, None]
    return vectors, (length / SKETCH).astype(np.float32)


def _near(
    images: ImageSet, rows: NDArray[np.int64], vectors: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32], int]:
    """Pairs [m, 2] of rows with near pictures, their correlation [m], and how many rows are crowded."""
    _, directions = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    short = vectors @ directions[:, -_DIRECTIONS:].astype(np.float32)
    rank = numpy_generator(0, "copies").permutation(len(rows))
    asked, count = np.arange(len(rows)), _NEIGHBOURS
    found = [np.empty((0, 2), dtype=np.int64)]
    similarity = [np.empty(0, dtype=np.float32)]
    while len(asked) > 1:
        places, full = _neighbours(vectors, short, asked, count)
        places = places[_same_shape(images.sizes, rows[places])]
        values = _in_detail(images, rows[places])
        places, values = places[values >= ALIKE_IN_DETAIL], values[values >= ALIKE_IN_DETAIL]
        found.append(rows[places])
        similarity.append(values)
        # random ranks thin a long row of copies evenly, whatever their order in the source
        left = np.where(rank[places[:, 0]] < rank[places[:, 1]], places[:, 1], places[:, 0])
        asked = np.setdiff1d(full, left)
        count *= 2
        if len(asked) * count > _MOST_ASKED:
            break
    crowded = len(asked) if len(asked) > 1 else 0
    return np.concatenate(found), np.concatenate(similarity), crowded


def _neighbours(
    vectors: NDArray[np.float32], short: NDArray[np.float32], asked: NDArray[np.int64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs [m, 2] of the vectors asked for whose product is at least ``ALIKE``, sorted; which may have more.

    |a - b|^2 = 2 (1 - <a, b>) for unit vectors, and no projection is longer than what it projects. Of each
    vector the ``count`` nearest in the projection ``short`` are looked at; one that has so many in reach may
    have more, unless these are all.
    """
    from scipy.spatial import cKDTree

    near = short[asked]
    reach = np.sqrt(2 * (1 - ALIKE)) + 1e-4  # rounding to float32
    _, neighbours = cKDTree(near).query(near, k=min(count + 1, len(near)), distance_upper_bound=reach)
    rows, columns = np.nonzero(neighbours < len(near))
    pairs = np.sort(asked[np.stack([rows, neighbours[rows, columns]], 1)], axis=1)
    pairs = np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)
    product = np.empty(len(pairs), dtype=np.float32)
    for start in range(0, len(pairs), _CHUNK):
        part = pairs[start : start + _CHUNK]
        product[start : start + _CHUNK] = (vectors[part[:, 0]] * vectors[part[:, 1]]).sum(1)
    full = asked[neighbours[:, -1] < len(near)] if count + 1 < len(near) else asked[:0]
    return pairs[product >= ALIKE], full


def _same_shape(sizes: NDArray[np.int32], pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether [m] height over width agree to 3 % and the rounding of one pixel."""
    both = sizes[pairs].reshape(-1, 2, 2).astype(np.float64)
    shape = np.log(both[:, :, 1] / both[:, :, 0])
    return np.asarray(np.abs(shape[:, 0] - shape[:, 1]) <= 0.03 + 1 / both.min((1, 2), initial=np.inf))


def _in_detail(images: ImageSet, pairs: NDArray[np.int64]) -> NDArray[np.float32]:
    """The correlation [m] of the pictures at the smaller one's size, ``_DETAIL`` at most, in colour."""
    out = np.zeros(len(pairs), dtype=np.float32)
    side = np.minimum(images.sizes[pairs].reshape(len(pairs), 4).min(1), _DETAIL)
    for size in np.unique(side).tolist():
        wanted = np.flatnonzero(side == size)
        for block in range(0, len(wanted), _BLOCK):
            part = wanted[block : block + _BLOCK]
            rows, place = np.unique(pairs[part], return_inverse=True)
            pixels = images.load(rows, size, size, colour=images.colour).reshape(len(rows), -1)
            place = place.reshape(-1, 2)
            for start in range(0, len(part), _CHUNK):
                values = pixels[place[start : start + _CHUNK]].astype(np.float32)
                values -= values.mean(2, keepdims=True)
                values /= np.maximum(np.linalg.norm(values, axis=2, keepdims=True), np.float32(1e-6))
                out[part[start : start + _CHUNK]] = (values[:, 0] * values[:, 1]).sum(1)
    return out


def _equal_pixels(images: ImageSet, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which near pairs [m] are equal after all: the same pixels in another format."""
    same = (images.sizes[pairs].reshape(-1, 2, 2).std(1) == 0).all(1)
    rows = np.unique(pairs[same])
    key = dict(zip(rows.tolist(), images.digests(rows), strict=True))
    equal = [flag and key[a] == key[b] for flag, (a, b) in zip(same, pairs.tolist(), strict=True)]
    return np.array(equal, dtype=np.bool_)
