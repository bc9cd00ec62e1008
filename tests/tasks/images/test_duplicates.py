"""Twins are found whatever was done to them; what only resembles, is flat or is tiny is not."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image

from fivefold.tasks.images import duplicates
from fivefold.tasks.images.duplicates import ALIKE, _neighbours, _same_shape, _vectors, find_duplicates
from fivefold.tasks.images.files import Entry, from_files
from fivefold.tasks.images.image_set import ImageSet
from fivefold.tasks.images.limits import Limits
from fivefold.tasks.images.packed import ArrayPixels, Part, from_parts


def _scene(seed: int, side: int = 96, colour: bool = True) -> Image.Image:
    """A picture as photographs are: amplitudes fall as 1 / frequency, colours vary less than brightness."""
    rng = np.random.default_rng(seed)
    f = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij"))
    f[0, 0] = np.inf
    grey, *tints = (
        np.fft.irfft2(np.fft.rfft2(rng.normal(size=(side, side))) / f**power, (side, side))
        for power in (1.2, 2.0, 2.0, 2.0)
    )
    light = 128 + 45 * grey / grey.std()
    if not colour:
        return Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))
    channels = [light + 15 * tint / tint.std() for tint in tints]
    return Image.fromarray(np.clip(np.stack(channels, -1), 0, 255).astype(np.uint8))


def _files(folder, pictures: dict[str, Image.Image | bytes]) -> ImageSet:
    entries = []
    for name, picture in pictures.items():
        if isinstance(picture, bytes):
            (folder / name).write_bytes(picture)
        else:
            picture.save(folder / name)
        entries.append(Entry(name, folder / name))
    return from_files("f", entries, (), (), Limits())


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _named(images: ImageSet, found) -> dict[tuple[str, str], bool]:
    names = [(images.names[a], images.names[b]) for a, b in found.pairs.tolist()]
    return dict(zip(names, found.exact.tolist(), strict=True))


def test_copies_of_a_picture_are_found_and_strangers_are_not(tmp_path):
    first = _scene(0)
    brighter = Image.fromarray(np.clip(np.asarray(first) * 0.9 + 10, 0, 255).astype(np.uint8))
    pictures: dict[str, Image.Image | bytes] = {
        "0.png": first,
        "copy.bmp": first,
        "q75.jpg": _jpeg(first, 75),
        "q50.jpg": _jpeg(first, 50),
        "half.png": first.resize((48, 48), Image.Resampling.LANCZOS),
        "double.png": first.resize((192, 192), Image.Resampling.BICUBIC),
        "brighter.png": brighter,
        **{f"other{i}.png": _scene(i) for i in range(1, 30)},
        "mirrored.png": first.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "negative.png": Image.fromarray(255 - np.asarray(first)),
    }
    images = _files(tmp_path, pictures)
    found = find_duplicates(images)
    named = _named(images, found)
    assert named.pop(("0.png", "copy.bmp")) is True
    twins = {"0.png", "q75.jpg", "q50.jpg", "half.png", "double.png", "brighter.png"}
    assert not any(named.values())
    assert {name for pair in named for name in pair} == twins
    assert {name for pair in named if "0.png" in pair for name in pair} == twins
    assert found.compared == len(images) - 1
    groups = found.groups(len(images))
    assert len(set(groups.tolist())) == 32
    assert len({groups[images.names.index(name)] for name in twins}) == 1


def test_the_same_pixels_in_another_format_are_equal_however_they_were_decoded(tmp_path):
    data = _jpeg(_scene(3, side=400), 90)
    pixels = Image.open(io.BytesIO(data))
    images = _files(tmp_path, {"a.jpg": data, "b.png": pixels, "c.png": _scene(4)})
    assert not np.array_equal(*images.sketches(np.array([0, 1]))), "a draft and a whole decode differ"
    assert _named(images, find_duplicates(images)) == {("a.jpg", "b.png"): True}


def test_flat_smooth_and_tiny_pictures_do_not_fire():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:32j, -1:1:32j]
    smooth = [100 + 60 * rng.uniform(0.8, 1.2) * x + 40 * y**2 + rng.normal(size=x.shape) for _ in range(40)]
    flat = [np.full((32, 32), 120) + rng.normal(size=(32, 32)) for _ in range(40)]
    array = np.clip(np.stack(smooth + flat), 0, 255).astype(np.uint8)
    images = from_parts("m", [Part("x", array, None, -1)], [])
    found = find_duplicates(images)
    assert len(found.pairs) == 0
    assert (found.compared, found.plain) == (0, 80)
    assert "80 pictures were too small or too plain" in found.describe(images)[-1]
    tiny = np.repeat(rng.integers(256, size=(1, 8, 8)), 30, 0) + rng.integers(-1, 2, size=(30, 8, 8))
    found = find_duplicates(
        from_parts("m", [Part("x", np.clip(tiny, 0, 255).astype(np.uint8), None, -1)], [])
    )
    assert not (~found.exact).any()
    assert found.compared == 0


def test_equal_flat_pictures_are_equal():
    array = np.zeros((5, 4, 4), np.uint8)
    array[3] = 7
    found = find_duplicates(from_parts("m", [Part("x", array, None, -1)], []))
    assert found.pairs.tolist() == [[0, 1], [0, 2], [0, 4]]
    assert found.exact.all()
    assert found.similarity.tolist() == [1, 1, 1]


def test_the_same_shape_in_another_colour_is_no_twin(tmp_path):
    """Red and blue of one luminance: grey alone could not tell."""
    grey = np.asarray(_scene(1, colour=False), dtype=float) / 255
    red = Image.fromarray(np.stack([255 * grey, 60 * grey, 60 * grey], -1).astype(np.uint8))
    blue = Image.fromarray(np.stack([20 * grey, 110 * grey, 255 * grey], -1).astype(np.uint8))
    images = _files(tmp_path, {"red.png": red, "blue.png": blue, "x.png": _scene(2)})
    assert len(find_duplicates(images).pairs) == 0


def test_another_shape_is_no_twin(tmp_path):
    first = _scene(1)
    images = _files(tmp_path, {"a.png": first, "wide.png": first.resize((96, 80))})
    assert len(find_duplicates(images).pairs) == 0
    stripes = np.random.default_rng(0).integers(256, size=(24, 1), dtype=np.uint8).repeat(4, 0)
    pictures = {
        f"{w}.png": Image.fromarray(stripes.repeat(w, 1)) for w in (96, 140)
    }  # also their middles agree
    assert len(find_duplicates(_files(tmp_path, pictures)).pairs) == 0


def test_shapes_agree_to_three_percent_and_a_pixel():
    sizes = np.array(
        [[200, 300], [100, 150], [100, 154], [100, 160], [300, 200], [28, 28], [14, 15]], np.int32
    )
    pairs = np.array([[0, 1], [0, 2], [0, 3], [0, 4], [5, 6]])
    assert _same_shape(sizes, pairs).tolist() == [True, True, False, False, True]


def test_digits_that_resemble_each_other_are_left_alone():
    """Two people's handwritten ones are no copies: 1,797 digits, enlarged, and one planted copy."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    array = np.kron(digits.images * 15.9, np.ones((4, 4))).astype(np.uint8)
    array = np.concatenate([array, np.clip(array[:1].astype(int) + 3, 0, 255).astype(np.uint8)])
    images = from_parts("m", [Part("x", array, np.append(digits.target, 9).astype(str), -1)], [])
    found = find_duplicates(images)
    assert [0, len(array) - 1] in found.pairs.tolist()
    strangers = found.pairs[found.pairs[:, 1] < len(array) - 1]
    assert len(strangers) <= 3
    assert (digits.target[strangers[:, 0]] == digits.target[strangers[:, 1]]).all()


def test_the_neighbours_are_those_of_an_exhaustive_search():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(200, 16, 16)) * 40 + 128
    near = base[:60] + rng.normal(size=(60, 16, 16)) * rng.uniform(0, 6, size=(60, 1, 1))
    vectors, _ = _vectors(np.clip(np.concatenate([base, near]), 0, 255).astype(np.uint8))
    product = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    all_pairs = {(i, j) for i, j in itertools.combinations(range(260), 2) if product[i, j] >= ALIKE}
    found, full = _neighbours(vectors, vectors, np.arange(260), 10)
    assert {(i, j) for i, j in found.tolist()} == all_pairs
    assert 20 < len(all_pairs) < 60
    assert len(full) == 0
    some, full = _neighbours(vectors, vectors, np.arange(0, 260, 2), 1)
    assert {(i, j) for i, j in some.tolist()} == {(i, j) for i, j in all_pairs if i % 2 == j % 2 == 0}
    assert set(full.tolist()) == {i for pair in some.tolist() for i in pair}, "one neighbour may hide another"


def test_a_parabola_is_taken_out_and_nothing_else():
    y, x = np.mgrid[-1:1:16j, -1:1:16j]
    parabola = 100 + 20 * x - 30 * y + 25 * x * y + 20 * x**2 - 15 * y**2
    wave = 30 * np.sin(9 * x) * np.cos(7 * y)
    with_both, alone, flat = _vectors(
        np.rint(np.stack([parabola + wave, 128 + wave, parabola])).astype(np.uint8)
    )[1]
    assert flat < 0.4  # rounding to whole numbers leaves 0.29
    assert with_both == pytest.approx(alone, abs=0.2)


def test_splits_and_labels_are_counted_and_rows_are_those_of_the_set():
    rng = np.random.default_rng(0)
    array = rng.integers(256, size=(6, 20, 20), dtype=np.uint8)
    array[4], array[5] = array[0], array[3]
    parts = [
        Part("a", array[:3], np.array(["x", "y", "x"]), 0),
        Part("b", array[3:], np.array(["y", "y", "y"]), 1),
    ]
    images = from_parts("m", parts, [])
    found = find_duplicates(images)
    assert found.pairs.tolist() == [[0, 4], [3, 5]]
    assert found.across(images).tolist() == [True, False]
    assert found.contradicting(images).tolist() == [True, False]
    note = found.describe(images)[0]
    assert note.startswith(
        "2 pairs of equal pictures (such as a 0 and b 1), 1 of them with one picture in training"
    )
    assert "1 of them with different labels" in note
    some = find_duplicates(images, np.array([5, 3, 1]))
    assert some.pairs.tolist() == [[3, 5]]
    assert find_duplicates(images, np.array([1])).describe(images) == ()
    assert find_duplicates(images, np.array([], dtype=np.int64)).pairs.shape == (0, 2)


def _noisy(copies: int, pictures: int) -> ImageSet:
    """So many copies of each of so many pictures, with noise of at most 3, one picture after the other."""
    rng = np.random.default_rng(0)
    base = rng.integers(20, 230, size=(pictures, 8, 8)).repeat(4, 1).repeat(4, 2)
    array = np.repeat(base, copies, 0) + rng.integers(-3, 4, size=(copies * pictures, 32, 32))
    return from_parts("m", [Part("x", array.astype(np.uint8), None, -1)], [])


@pytest.mark.parametrize(("copies", "pictures"), [(20, 500), (1000, 3)])
def test_many_copies_are_joined_and_cost_no_more_than_they_are(copies, pictures, monkeypatch):
    """More than 20,000 pairs, and 10 nearest neighbours that are all of one kind."""
    images, loaded, load = _noisy(copies, pictures), [], ArrayPixels.load

    def counted(self, rows, height, width, **options):
        loaded.append(len(rows))
        return load(self, rows, height, width, **options)

    monkeypatch.setattr(ArrayPixels, "load", counted)
    found = find_duplicates(images)
    assert found.groups(len(images)).tolist() == np.repeat(np.arange(pictures), copies).tolist()
    assert found.crowded == 0
    assert len(found.pairs) < 10 * len(images)
    assert len(np.unique(found.pairs, axis=0)) == len(found.pairs)
    assert sum(loaded) < 2 * len(images)


def test_copies_are_found_behind_nearer_copies():
    """Each of 15 changed pixels of one picture has 14 nearer twins than any of a second saving."""
    rng = np.random.default_rng(0)
    first = rng.integers(20, 230, size=(8, 8)).repeat(4, 0).repeat(4, 1)
    second = first + rng.integers(-6, 7, size=first.shape)
    array = np.stack([first] * 15 + [second] * 15).astype(np.uint8)
    for i, picture in enumerate(array):
        picture[i, i] ^= 1
    found = find_duplicates(from_parts("m", [Part("x", array, None, -1)], []))
    assert set(found.groups(30).tolist()) == {0}


def test_pairs_are_compared_block_by_block(monkeypatch):
    images = _noisy(12, 10)
    whole = find_duplicates(images)
    monkeypatch.setattr(duplicates, "_BLOCK", 7)
    monkeypatch.setattr(duplicates, "_CHUNK", 3)
    parts = find_duplicates(images)
    assert np.array_equal(parts.pairs, whole.pairs)
    np.testing.assert_allclose(parts.similarity, whole.similarity, rtol=0, atol=1e-6)


def test_what_is_not_looked_at_is_said(monkeypatch):
    """Pictures alike in their sketches and in no detail: many of 40 have more than 10 in reach."""
    rng = np.random.default_rng(0)
    base = rng.integers(60, 190, size=(8, 8)).repeat(6, 0).repeat(6, 1)
    grain = rng.integers(0, 2, size=(40, 12, 12)).repeat(4, 1).repeat(4, 2) * 2 - 1
    checks = (np.indices((48, 48)) // 2).sum(0) % 2 * 2 - 1
    array = (base + 10 * grain * checks).astype(np.uint8)
    images = from_parts("m", [Part("x", array, None, -1)], [])
    assert find_duplicates(images).describe(images) == ()
    monkeypatch.setattr(duplicates, "_MOST_ASKED", 100)
    found = find_duplicates(images)
    assert len(found.pairs) == 0
    assert 20 <= found.crowded <= 40
    assert found.describe(images) == (
        f"{found.crowded} pictures look like more others than were compared with them: copies may have been "
        "missed.",
    )
