"""Pages to lines: which way up, big scans, empty pages, several threads."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from droplearn.scenarios.ocr.reading.detector import network_size
from droplearn.scenarios.ocr.reading.pages import decode_page, turned
from droplearn.scenarios.ocr.reading.recogniser import batches
from tests.unit.ocr.conftest import drawn


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_a_turned_page_is_read_and_its_places_are_those_of_the_picture_as_it_came(reader, turn):
    page = drawn(1, "lines")
    reading = reader.read(np.ascontiguousarray(np.rot90(page.pixels, turn)))
    assert [line.text for line in reading.lines] == [line.text for line in page.lines]
    assert reading.turn % 4 == -turn % 4
    first = page.text_lines[0]
    upright = np.array([[first.left, first.top], [first.right, first.top], [first.right, first.bottom], [first.left, first.bottom]])
    assert reading.shown(reading.lines[0].quad) == pytest.approx(turned(upright, turn), abs=0.06)


def test_an_empty_page_has_no_lines(reader):
    assert reader.read(np.full((200, 300, 3), 250, np.uint8)).lines == ()


def test_lines_at_known_places_are_read(reader):
    page = drawn(2, "lines")
    quads = [[[t.left, t.top], [t.right, t.top], [t.right, t.bottom], [t.left, t.bottom]] for t in page.text_lines]
    assert [t.text for t in reader.read_lines(page.pixels, np.array(quads, np.float32))] == [line.text for line in page.lines]
    assert reader.read_lines(page.pixels, np.zeros((0, 4, 2), np.float32)) == []


def test_several_threads_read_the_same(reader):
    pages = [drawn(3, "lines").pixels] * 2
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(reader.read, pages)
    assert [line.text for line in one.lines] == [line.text for line in other.lines] != []


def test_big_scans_are_shrunk_and_their_size_is_told_as_it_was():
    out = io.BytesIO()
    Image.new("L", (600, 9000), 255).save(out, "PNG")
    page = decode_page(out.getvalue())
    assert max(page.pixels.shape) == 4000
    assert (page.height, page.width) == (9000, 600)


def test_the_networks_input_is_bounded_and_a_multiple_of_its_stride():
    assert network_size(3000, 2000, 1280) == (1216, 800)
    assert network_size(3000, 500, 1280) == (2432, 416), "a long receipt keeps more of its height"
    assert network_size(100, 300, 1280) == (160, 448)
    assert network_size(8, 9000, 1280) == (32, 3840)


def test_batches_hold_lines_of_like_width_and_bounded_memory():
    widths = [3000, 50, 60, 2900, 400, 55]
    found = batches(widths)
    assert sorted(i for batch in found for i in batch) == list(range(6))
    assert all(len(batch) * max(widths[i] for i in batch) <= 6400 for batch in found)
    assert found[0] == [1, 5, 2]


def test_quarter_turns_of_points_add_up():
    points = np.array([[0.1, 0.2], [0.7, 0.9]], np.float32)
    assert turned(turned(points, 1), 3) == pytest.approx(points)
    assert turned(turned(points, 1), 1) == pytest.approx(turned(points, 2))
