"""Reading pictures: the deep check, the cache of features, crops, the state of a fine-tuning."""

import io

import numpy as np
import pytest
from PIL import Image

from droplearn.scenarios.image_classification.training.features import FeatureTable, Problem, extract, health
from droplearn.scenarios.image_classification.training.pictures import BatchLoader, PictureCache, random_crop
from droplearn.scenarios.image_classification.training.tuning_state import TuningState
from droplearn.scenarios.learning import ExampleSource, ProcessGroup, StoppedEarly
from droplearn.scenarios.learning.labelled_examples import LearningExample
from tests.pictures import picture
from tests.unit.learning.fakes import FakeDeadline, FakeLog, version_of


class MeanColour:
    """Stands for a network: the features are the mean colour."""

    size = 32

    def run(self, pixels):
        return pixels.mean((1, 2)).astype(np.float32)


def tiny():
    out = io.BytesIO()
    Image.new("RGB", (6, 40)).save(out, "PNG")
    return out.getvalue()


def learning_examples(folder, contents):
    source = ExampleSource(version_of([]), [], folder)
    for name, raw in contents.items():
        if raw is not None:
            (folder / name).write_bytes(raw)
    return [LearningExample(name, name[0], "train", f"e-{name}", source) for name in contents]


def extracted(examples, folder, deadline=None):
    table = FeatureTable.load(folder / "features.npz", "net")
    extract(examples, MeanColour(), table, folder / "features.npz", deadline or FakeDeadline(), FakeLog())
    return table


def test_each_problem_is_reported_and_the_rest_is_usable(tmp_path):
    good = picture("circle", 1)
    contents = {"a": good, "b": good[:200], "c": b"GIF89a", "d": None, "e": tiny()}
    examples = learning_examples(tmp_path, contents)
    usable, report = health(examples, extracted(examples, tmp_path), "v-1")
    assert [e.path for e in usable] == ["a"]
    assert {p.path: p.code for p in report.problems} == {"b": "corrupt", "c": "wrong_format", "d": "missing", "e": "too_small"}
    assert all(p.is_excluded and p.message for p in report.problems)


def test_copies_under_two_labels_are_told(tmp_path):
    source = ExampleSource(version_of([]), [], tmp_path)
    examples = [LearningExample("a/1", "a", "train", "same", source), LearningExample("b/1", "b", "train", "same", source)]
    _, report = health(examples, FeatureTable("net", {"same": np.zeros(3)}), "v-1")
    assert report.warnings == ["1 pictures occur under more than one label."]


def test_a_restart_reads_no_picture_twice(tmp_path):
    examples = learning_examples(tmp_path, {f"{i}": picture("circle", i) for i in range(20)})
    first = extracted(examples, tmp_path)
    for file in tmp_path.glob("[0-9]*"):
        file.unlink()
    again = extracted(examples, tmp_path)
    assert np.array_equal(first.rows(examples), again.rows(examples))


def test_features_of_another_network_or_a_damaged_cache_are_not_used(tmp_path):
    cache = tmp_path / "features.npz"
    FeatureTable("other", {"e": np.ones(3, np.float32)}, {"x": Problem("corrupt", "cut")}).save(cache)
    assert FeatureTable.load(cache, "net").vectors == {}
    assert FeatureTable.load(cache, "other").problems == {"x": Problem("corrupt", "cut")}
    cache.write_bytes(cache.read_bytes()[:40])
    assert FeatureTable.load(cache, "other").vectors == {}


@pytest.mark.parametrize("told", [{}, {"resample": np.array("bicubic")}], ids=["before it was told", "of another filter"])
def test_a_restart_does_not_mix_features_of_pictures_that_were_resampled_otherwise(tmp_path, told):
    cache = tmp_path / "features.npz"
    FeatureTable("net", {"e": np.ones(3, np.float32)}).save(cache)
    assert list(FeatureTable.load(cache, "net").vectors) == ["e"]
    with np.load(cache) as saved:
        kept = {name: saved[name] for name in saved.files if name != "resample"}
    np.savez(cache, **kept, **told)
    assert FeatureTable.load(cache, "net").vectors == {}


def test_a_missing_picture_is_looked_for_again_after_a_restart(tmp_path):
    FeatureTable("net", {}, {"e": Problem("missing", "gone")}).save(tmp_path / "features.npz")
    assert FeatureTable.load(tmp_path / "features.npz", "net").problems == {}


def test_a_stop_ends_the_reading_and_keeps_what_is_done(tmp_path):
    examples = learning_examples(tmp_path, {"a": picture("circle", 1)})
    with pytest.raises(StoppedEarly, match="stop_requested"):
        extracted(examples, tmp_path, FakeDeadline(reason="stop_requested"))
    assert (tmp_path / "features.npz").exists()


class RunningOut(FakeDeadline):
    """Each look at the clock costs 30 of 100 seconds."""

    def remaining_s(self):
        self.remaining -= 30
        return self.remaining


def test_reading_takes_no_more_than_its_share_of_the_time_and_what_was_read_is_learnt_from(tmp_path):
    examples = learning_examples(tmp_path, {f"{i:02}": picture("circle", i) for i in range(40)})
    table = extracted(examples, tmp_path, RunningOut(remaining=130.0))
    usable, report = health(examples, table, "v-1")
    assert 0 < len(usable) < 40
    assert report.checked_count == len(usable)
    assert report.warnings[0].startswith(f"Time allowed for reading {len(usable)} of 40 pictures")
    assert len(health(examples, extracted(examples, tmp_path), "v-1")[0]) == 40, "a restart reads the rest"


def test_paths_that_leave_the_folder_are_missing(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "secret").write_bytes(b"x")
    source = ExampleSource(version_of([]), [], tmp_path / "images")
    for path in ("../secret", str(tmp_path / "secret"), "a/../../secret"):
        with pytest.raises(FileNotFoundError):
            source.read(path)


def test_crops_are_square_deterministic_and_differ_between_seeds():
    pixels = np.random.default_rng(0).integers(0, 256, (50, 90, 3), dtype=np.uint8)
    one, same, other = (random_crop(pixels, 32, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == (32, 32, 3)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("room", [0, 10**9])
def test_batches_do_not_depend_on_how_much_fits_into_memory(tmp_path, room):
    examples = learning_examples(tmp_path, {f"{i}": picture("circle", i, 300) for i in range(6)})
    loader = BatchLoader(PictureCache(examples, 32, room), 5, ProcessGroup())
    batches = [np.array([0, 1, 2]), np.array([3, 4, 5])]
    found = list(loader.batches(2, batches, 48))
    loader.close()
    assert [batch.shape for batch in found] == [(3, 48, 48, 3), (3, 48, 48, 3)]
    expected = random_crop(PictureCache(examples, 32, 10**9).get(4), 48, np.random.default_rng((5, 2, 1, 1)))
    assert np.array_equal(found[1][1], expected)


def test_processes_together_crop_what_one_would(tmp_path):
    cache = PictureCache(learning_examples(tmp_path, {f"{i}": picture("circle", i, 100) for i in range(4)}), 32)

    def crops(rank, world_size, indices):
        loader = BatchLoader(cache, 5, ProcessGroup(rank, world_size))
        (found,) = loader.batches(0, [np.array(indices)], 32)
        loader.close()
        return found

    alone = crops(0, 1, [3, 1, 0, 2])
    assert np.array_equal(crops(0, 2, [3, 0]), alone[0::2])
    assert np.array_equal(crops(1, 2, [1, 2]), alone[1::2])


def state(**changes):
    told = {"key": "k", "epochs_done": 2, "fraction": 0.4, "bad_epochs": 1, "history": [{"epoch": 1}]}
    return TuningState(**told | changes, weights={"w": np.arange(3.0)}, moments={"m/w": np.ones(2)})


def test_tuning_state_comes_back_as_it_was(tmp_path):
    state().save(tmp_path)
    back = TuningState.load(tmp_path, "k")
    assert (back.epochs_done, back.history, back.fraction) == (2, [{"epoch": 1}], 0.4)
    assert back.weights["w"].tolist() == [0, 1, 2]
    assert back.moments["m/w"].tolist() == [1, 1]
    assert back.best == {}


def test_tuning_state_of_another_training_or_a_cut_file_is_not_used(tmp_path):
    assert TuningState.load(tmp_path, "k") is None
    state().save(tmp_path)
    assert TuningState.load(tmp_path, "another") is None
    (tmp_path / TuningState.FILE).write_bytes((tmp_path / TuningState.FILE).read_bytes()[:100])
    assert TuningState.load(tmp_path, "k") is None
