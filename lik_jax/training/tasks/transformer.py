"""Text: every held-out character is scored once, given those before it."""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ...distributions import categorical
from ...models import transformer
from ...objectives import nll
from ..baselines import ngram
from ..configs import Transformer
from ..data import Batches, encode, fingerprint, help_text, read_text
from ..errors import DataError
from ..task import Report, Score, Task, held_out

_TRAIN, _VALIDATION = 0.85, 0.05


def build(config: Transformer) -> Task:
    """The first 85 % of the text trains, 5 % validates, the last 10 % is held out."""
    text = encode(help_text() if config.data is None else read_text(config.data), _TRAIN)
    tokens, vocab_size = text.tokens, len(text.characters) + 1
    begin_validation, begin_test = (int(share * len(tokens)) for share in (_TRAIN, _TRAIN + _VALIDATION))
    if begin_validation <= config.block + 1:
        raise DataError(f"the text has {len(tokens)} characters, too few for a block of {config.block}.")
    key = jax.random.key(config.fit.seed)
    shape = transformer.Config(vocab_size, config.block, config.layers, config.heads, config.width)
    model = transformer.create(shape, key)
    # which unseen character an unknown token stands for has to be paid for as well
    surcharge = math.log(text.unknown)

    def loss(params: Any, batch: Any, key: Array) -> Array:
        return nll(categorical, categorical.constrain(model.apply(params, batch["x"])), batch["y"])

    def score(params: Any, batch: Any, key: Array) -> Array:
        logits, y = model.apply(params, batch["x"]), batch["y"]
        losses = nll(categorical, categorical.constrain(logits), y, mask=batch["counts"], reduction="none")
        return losses + surcharge * (y == vocab_size - 1).astype(losses.dtype)

    parts = [
        windows(tokens[:end], begin, config.block)
        for begin, end in ((begin_validation, begin_test), (begin_test, len(tokens)))
    ]
    windows_of = [held_out(score, part, batch_size=128) for part in parts]

    def losses_of(which: int, params: Any, key: Array) -> np.ndarray:
        """One a character, in the order of the text."""
        return windows_of[which](params, key)[parts[which]["counts"]]

    def take(data: np.ndarray, rows: np.ndarray) -> dict[str, np.ndarray]:
        window = data[rows[:, None] + np.arange(config.block + 1)]
        return {"x": window[:, :-1], "y": window[:, 1:]}

    def evaluate(params: Any, key: Array) -> Report:
        model_losses = losses_of(1, params, key)
        losses = ngram(tokens, begin_test, vocab_size=vocab_size)
        unseen = tokens[begin_test:] == vocab_size - 1
        frequent = np.bincount(tokens[:begin_test], minlength=vocab_size) + 1 / vocab_size
        unigram = -np.log(frequent / frequent.sum())[tokens[begin_test:]]
        return Report(
            f"the last {len(tokens) - begin_test} characters, each scored once",
            "character",
            (
                Score.of("model", model_losses, config.block),
                Score.of("baseline: interpolated 5-gram", losses + surcharge * unseen, config.block),
                Score.of("baseline: character frequencies", unigram + surcharge * unseen, config.block),
            ),
            facts=(
                ("perplexity", f"{math.exp(model_losses.mean()):.3f}"),
                ("vocabulary", f"{vocab_size - 1} characters and one for unknown ({int(unseen.sum())} held out)"),
            ),
        )

    def draw(params: Any, key: Array, folder: Path) -> list[Path]:
        prompt = tokens[begin_test - config.block : begin_test]
        drawn = generate(model, params, jnp.asarray(prompt), key, 800)
        symbols = np.array([*text.characters, "\N{REPLACEMENT CHARACTER}"])
        path = folder / "sample.txt"
        path.write_text("".join(symbols[prompt]) + "|" + "".join(symbols[np.asarray(drawn)]) + "\n", encoding="utf-8")
        return [path]

    return Task(
        params=model.params,
        batches=Batches(
            tokens[:begin_validation], config.fit.batch_size, config.fit.seed, take, begin_validation - config.block
        ),
        loss=loss,
        validate=lambda params: float(losses_of(0, params, key).mean()),
        evaluate=evaluate,
        draw=draw,
        unit="character",
        fingerprint=fingerprint(tokens),
        levels={"5-gram": float(ngram(tokens[:begin_test], begin_validation, vocab_size=vocab_size).mean())},
        units_per_example=config.block,
    )


def windows(tokens: np.ndarray, begin: int, block: int) -> dict[str, np.ndarray]:
    """Cut ``tokens[begin:]`` into windows in which each token counts once, with half a block of context at least.

    Returns:
        ``x`` and ``y`` ``[m, block]``, ``y`` one character on from ``x``; ``counts`` ``[m, block]``, True where a
        character is scored.

    >>> parts = windows(np.arange(20), 9, 4)
    >>> parts["y"][parts["counts"]].tolist()
    [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]
    """
    stride = max(1, block // 2)
    ends = np.arange(begin + stride, len(tokens) + stride, stride)
    counted = np.minimum(ends, len(tokens)) - (ends - stride)
    ends = np.minimum(ends, len(tokens))
    window = tokens[ends[:, None] - block - 1 + np.arange(block + 1)]
    counts = np.arange(block) >= block - counted[:, None]
    return {"x": window[:, :-1], "y": window[:, 1:], "counts": counts}


def generate(model: Any, params: Any, prompt: Array, key: Array, length: int) -> Array:
    """Draw ``length`` tokens one after the other, each given the ``[block]`` tokens before it."""

    @jax.jit
    def run(params: Any, window: Array, keys: Array) -> Array:
        def one(window: Array, key: Array) -> tuple[Array, Array]:
            logits = model.apply(params, window[None])[0, -1]
            token = categorical.sample(categorical.constrain(logits), key).astype(window.dtype)
            return jnp.append(window[1:], token), token

        return jax.lax.scan(one, window, keys)[1]

    return run(params, prompt, jax.random.split(key, length))
