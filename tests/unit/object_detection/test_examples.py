"""What a training learns from, and the deep check: in this process, without training."""

import hashlib

import pytest

from droplearn.contracts.dataset import VersionExample
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.learning import ExampleSource, StoppedEarly, TrainingContext
from droplearn.scenarios.object_detection.dataset import pair
from droplearn.scenarios.object_detection.sample import sample_files
from droplearn.scenarios.object_detection.training.examples import gather, learning_set, relative_sides
from droplearn.scenarios.object_detection.training.pictures import PictureCache, read_all, read_these
from tests.unit.learning.fakes import FakeDeadline, FakeLog, FakeStore, request_of
from tests.unit.object_detection.test_layouts import version


def write(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def context_of(folder, selected=None, splits=None, **settings) -> TrainingContext:
    names = sorted(f.name for f in folder.iterdir())
    paired = pair([n for n in names if n.endswith(".jpg")], [n for n in names if not n.endswith(".jpg")])
    examples = [
        VersionExample(
            path=path,
            split=(splits or {}).get(path, "train"),
            etag=hashlib.md5((folder / path).read_bytes()).hexdigest(),
            size_bytes=1,
            annotation={"file": file},
        )
        for path, file in sorted(paired.items())
    ]
    told = version(len(examples)).model_copy(update={"selected_labels": selected, "annotation_files": sorted(paired.values())})
    return TrainingContext(
        request=request_of(**settings),
        source=ExampleSource(told, examples, folder),
        base=None,
        deadline=FakeDeadline(),
        log=FakeLog(),
        store=FakeStore(),
        checkpoints=folder,
    )


def read(context, deadline=None):
    candidates = gather(context)
    cache = PictureCache(candidates)
    return cache, *read_all(candidates, cache, deadline or context.deadline, context.log, "v-1")


def test_labels_are_read_from_the_annotations_and_pictures_keep_their_order(tmp_path):
    write(tmp_path, sample_files(0, 12))
    context = context_of(tmp_path)
    _, pictures, report = read(context)
    data, warnings = learning_set(pictures, context)
    assert data.labels == ("circle", "square", "triangle")
    assert [p.path for p in data.pictures] == sorted(p.path for p in data.pictures)
    assert len(data.indices("validation")) == 3
    assert (report.checked_count, report.excluded_count) == (12, 0)
    assert any("fewer than 50" in told for told in warnings)
    assert len(relative_sides(data)) == sum(len(t.labels) for t in data.truths)


def test_objects_of_other_labels_are_background_where_labels_are_chosen(tmp_path):
    write(tmp_path, sample_files(0, 20))
    context = context_of(tmp_path, selected=["square", "unicorn"])
    data, warnings = learning_set(read(context)[1], context)
    assert data.labels == ("square",)
    assert len(data.pictures) == 20
    assert any("unicorn" in told for told in warnings)


@pytest.mark.parametrize(("selected", "code"), [(["unicorn"], "dataset.empty"), (None, "dataset.too_few_examples")])
def test_too_little_is_refused_with_a_hint(tmp_path, selected, code):
    write(tmp_path, sample_files(0, 20 if selected else 4))
    context = context_of(tmp_path, selected=selected)
    with pytest.raises(InvalidDataset) as error:
        learning_set(read(context)[1], context)
    assert (error.value.code, bool(error.value.hint)) == (code, True)


def test_a_dataset_whose_names_are_texts_is_refused(tmp_path):
    files = sample_files(0, 5, ("a",))
    things = "".join(
        f"<object><name>text {i}</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"
        for i in range(1001)
    )
    write(tmp_path, files | {"shape-0.xml": f"<annotation>{things}</annotation>"})
    context = context_of(tmp_path)
    with pytest.raises(InvalidDataset) as error:
        learning_set(read(context)[1], context)
    assert (error.value.code, "ocr" in error.value.hint) == ("dataset.too_many_labels", True)


def test_a_copy_is_left_out_and_told(tmp_path):
    files = sample_files(0, 10)
    write(tmp_path, files | {"shape-copy.jpg": files["shape-1.jpg"], "shape-copy.xml": files["shape-2.xml"]})
    _, pictures, report = read(context_of(tmp_path))
    assert len(pictures) == 10
    (problem,) = report.problems
    assert (problem.path, problem.code) == ("shape-copy.jpg", "duplicate")
    assert "other boxes" in problem.message


def test_the_mark_difficult_says_nothing_where_most_objects_bear_it(tmp_path):
    hard = {n: c.replace(b"<difficult>0", b"<difficult>1") for n, c in sample_files(0, 12).items() if n.endswith(".xml")}
    write(tmp_path, sample_files(0, 12) | hard)
    context = context_of(tmp_path)
    data, _ = learning_set(read(context)[1], context)
    assert sum(t.is_difficult.sum() for t in data.truths) == 0


def test_reading_stops_when_it_takes_too_much_of_the_time(tmp_path):
    write(tmp_path, sample_files(0, 12))

    class Running(FakeDeadline):
        def remaining_s(self):
            self.remaining -= 50
            return self.remaining

    _, pictures, report = read(context_of(tmp_path), Running(1000.0))
    assert len(pictures) < 12
    assert report.warnings


def test_a_stop_while_reading_is_a_stop(tmp_path):
    write(tmp_path, sample_files(0, 6))
    with pytest.raises(StoppedEarly):
        read(context_of(tmp_path), FakeDeadline(reason="stop_requested"))


def test_pictures_are_kept_small_and_read_again_where_there_is_no_room(tmp_path):
    write(tmp_path, sample_files(0, 6))
    candidates = gather(context_of(tmp_path))
    roomy, narrow = PictureCache(candidates), PictureCache(candidates, max_bytes=0)
    for cache in (roomy, narrow):
        read_these(candidates, [0, 1], cache)
        cache.shrink(64)
        assert max(cache.get(0).shape) == 64
    assert (roomy.get(1) == roomy.get(1)).all()
