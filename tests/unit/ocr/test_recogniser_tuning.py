"""The recogniser in torch: equal to ONNX Runtime, its head cut to the needed characters, and able to learn."""

import numpy as np
import onnx
import torch

from droplearn.scenarios.ocr.reading.recogniser import Recogniser, characters_of, line_tensor, stack
from droplearn.scenarios.ocr.reading.sessions import open_session
from droplearn.scenarios.ocr.training.alphabet import find_head, needed_characters, with_characters
from droplearn.scenarios.ocr.training.augmenting import at_line_height, augment, rehearsal_lines, render
from droplearn.scenarios.ocr.training.onnx_network import OnnxNetwork
from droplearn.scenarios.ocr.training.tuning import TuningPlan, score_lines, tune


def lines(count, seed=0):
    return [(at_line_height(line), text) for line, text in rehearsal_lines(["Blue Door", "Mill Lane"], count, np.random.default_rng(seed))]


def test_the_torch_network_computes_what_onnx_runtime_computes(networks):
    batch = stack([line_tensor(line) for line, _ in lines(2)])
    wanted = open_session(networks.recogniser).run(None, {"x": batch})[0]
    with torch.no_grad():
        found = OnnxNetwork(onnx.load_from_string(networks.recogniser))(torch.from_numpy(batch)).numpy()
    assert np.abs(found - wanted).max() < 1e-4


def test_the_head_keeps_the_needed_characters_and_reads_as_before(networks, recogniser):
    model = with_characters(networks.recogniser, needed_characters(["Blue Ω"], recogniser.characters))
    cut = Recogniser(model.SerializeToString())
    assert len(cut.characters) < 150 < 18000 < len(recogniser.characters)
    assert {"B", "e", "~", "Ω"} <= set(cut.characters)
    sample = [line for line, _ in lines(3)]
    assert [t.text for t in cut.read(sample)] == [t.text for t in recogniser.read(sample)]


def test_ideographs_keep_the_whole_head_and_an_unknown_character_gets_a_place(recogniser):
    assert len(needed_characters(["手机号"], recogniser.characters)) == len(recogniser.characters) - 2
    assert needed_characters(["ꙮ"], recogniser.characters)[-1] == "ꙮ"
    assert characters_of("a\nb") == ["", "a", "b", " "]


def test_head_is_found_by_walking_back_from_the_output(networks):
    head = find_head(onnx.load_from_string(networks.recogniser))
    assert (head.weight, head.bias) == ("linear_8.w_0", "linear_8.b_0")


def test_augmented_lines_stay_lines():
    rng = np.random.default_rng(0)
    line = render("Total 12.50", rng)
    for is_handwriting in (False, True):
        for _ in range(5):
            found = augment(line, rng, is_handwriting=is_handwriting)
            assert found.dtype == np.uint8
            assert found.shape[0] == line.shape[0]


def test_tuning_learns_mirrored_letters_and_is_the_same_again(networks):
    samples = [
        (np.ascontiguousarray(line[:, ::-1]), text) for line, text in [(render(t, np.random.default_rng(1)), t) for t in ("ab", "ba")]
    ]
    samples = [(at_line_height(line), text) for line, text in samples]
    plan = TuningPlan(seconds=60, seed=0, is_case_sensitive=True, is_handwriting=False, epochs=6, learning_rate=2e-3)
    told = []

    def run():
        return tune(networks.recogniser, samples, [], samples, plan, lambda: None, lambda *values: told.append(values))

    best = run()
    assert len(told) == 6
    assert told[-1][1] < told[0][1], "the loss falls"
    assert best.score.character_error_rate <= score_lines(Recogniser(networks.recogniser), samples, True).character_error_rate
    assert run().network == best.network
