"""Preferences and alignment: which of two is better is a coin whose log-odds are a difference of rewards.

Bradley and Terry's ``P(chosen over rejected) = sigmoid(r_chosen - r_rejected)`` is a `bernoulli`; a reward model is
fitted by its likelihood, and direct preference optimisation is the same likelihood with the *implicit* reward
``beta (log pi(y | x) - log pi_ref(y | x))``. Rankings of more than two are `plackett_luce`.

Log-probabilities are of whole sequences, in nats, summed over tokens (`sequence_log_prob`, masked on prompts and
padding). Those of a reference never receive a gradient.

>>> import jax.numpy as jnp
>>> policy, reference = Pair(jnp.array([-10.0]), jnp.array([-12.0])), Pair(jnp.array([-11.0]), jnp.array([-11.0]))
>>> out = dpo(policy, reference, beta=0.1)
>>> round(float(out.loss), 4), round(float(out.margin), 4), float(out.accuracy)
(0.5981, 0.2, 1.0)
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from .. import special
from .._arrays import as_floats
from ..distributions import bernoulli, categorical
from .likelihood import nll
from .reduction import Reduction, example_weights, finish


class Pair(NamedTuple):
    """One number of the better and one of the worse answer: rewards, log-probabilities or lengths, ``[B]`` each."""

    chosen: ArrayLike
    rejected: ArrayLike


class Preference(NamedTuple):
    """A preference loss and what it rests on, all reduced alike: ``[B]`` each with ``reduction="none"``.

    Attributes:
        loss: differentiate this one; the others have no gradient.
        chosen_reward: of the better answer (implicit where there is a reference).
        rejected_reward: of the worse.
        margin: their difference.
        accuracy: 1 where the margin is above 0, a half where it is 0.
    """

    loss: Any
    chosen_reward: Any
    rejected_reward: Any
    margin: Any
    accuracy: Any


class Kto(NamedTuple):
    """A `kto` loss and the implicit rewards it rests on, reduced alike; the rewards have no gradient."""

    loss: Any
    reward: Any


def bradley_terry(
    rewards: Pair,
    *,
    margin: ArrayLike = 0.0,
    label_smoothing: float = 0.0,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Preference:
    """Negative log-likelihood ``-log sigmoid(r_chosen - r_rejected - margin)``: what a reward model is fitted by.

    Args:
        rewards: of both answers, ``[B]`` each.
        margin: by how much the better one should lead, ``[B]`` or a scalar.
        label_smoothing: the share of labels that are the wrong way round; the loss is the likelihood in expectation.
        mask: True where a pair counts, ``[B]``; the others add exactly 0 to the values and the gradient.
        weights: non-negative, ``[B]``.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit, or a ``label_smoothing`` outside [0, 0.5).

    Source: Bradley and Terry (1952), "Rank analysis of incomplete block designs"; Ouyang et al. (2022), equation 1.

    >>> round(float(bradley_terry(Pair(jnp.array([1.0]), jnp.array([0.0]))).loss), 4)
    0.3133
    """
    _smoothing(label_smoothing, "bradley_terry")
    examples, keep, w = _examples("bradley_terry", mask, weights, rewards=rewards)
    if jnp.shape(margin) not in ((), examples):
        raise ValueError(f"bradley_terry: margin has shape {jnp.shape(margin)}; want a scalar or {examples}.")
    margin = jnp.broadcast_to(as_floats(margin)[0], examples)
    chosen, rejected, margin = _filled(keep, 0, *rewards, margin)
    losses = _preferred(chosen - rejected - margin, label_smoothing)
    return _preference(losses, chosen, rejected, keep, w, reduction)


def dpo(
    policy: Pair,
    reference: Pair,
    *,
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    robust: bool = False,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Preference:
    """Direct preference optimisation: `bradley_terry` of the implicit rewards ``beta (log pi - log pi_ref)``.

    Args:
        policy: log-probabilities of both answers under the model that is trained, nats, ``[B]`` each.
        reference: the same under the reference.
        beta: weight of the KL divergence from the reference that the implicit reward pays for.
        label_smoothing: the share of labels that are the wrong way round, below 0.5: conservative DPO.
        robust: make up for them instead: the mean over flipped labels is the loss of the right ones.
        mask: True where a pair counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `nll`.

    Returns:
        A `Preference`; its rewards are the implicit ones.

    Raises:
        ValueError: shapes that do not fit, or a ``label_smoothing`` outside [0, 0.5).

    Source: Rafailov et al. (2023), "Direct preference optimization", equation 7; Mitchell (2023) for conservative,
    Chowdhury, Kini and Natarajan (2024), "Provably robust DPO", for robust.

    >>> same = Pair(jnp.array([-3.0]), jnp.array([-5.0]))
    >>> round(float(dpo(same, same).loss), 4)
    0.6931
    """
    _smoothing(label_smoothing, "dpo")
    _, keep, w = _examples("dpo", mask, weights, policy=policy, reference=reference)
    chosen, rejected = (beta * ratio for ratio in _log_ratios(keep, policy, reference))
    margin = chosen - rejected
    if robust:
        right, wrong = _preferred(margin, 0.0), _preferred(-margin, 0.0)
        losses = ((1 - label_smoothing) * right - label_smoothing * wrong) / (1 - 2 * label_smoothing)
    else:
        losses = _preferred(margin, label_smoothing)
    return _preference(losses, chosen, rejected, keep, w, reduction)


def ipo(
    policy: Pair,
    reference: Pair,
    *,
    beta: float = 0.1,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Preference:
    """Identity preference optimisation: the difference of log-ratios is drawn to ``1 / (2 beta)``, and no further.

    Args:
        policy: see `dpo`.
        reference: see `dpo`.
        beta: the paper's tau.
        mask: see `dpo`.
        weights: see `dpo`.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit.

    Source: Azar et al. (2024), "A general theoretical paradigm to understand learning from human preferences",
    equation 17.

    >>> float(ipo(Pair(jnp.array([5.0]), jnp.array([0.0])), Pair(jnp.zeros(1), jnp.zeros(1)), beta=0.1).loss)
    0.0
    """
    _, keep, w = _examples("ipo", mask, weights, policy=policy, reference=reference)
    chosen, rejected = _log_ratios(keep, policy, reference)
    losses = (chosen - rejected - 1 / (2 * beta)) ** 2
    return _preference(losses, beta * chosen, beta * rejected, keep, w, reduction)


def orpo(
    policy: Pair,
    lengths: Pair,
    *,
    coefficient: float = 0.1,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Preference:
    """Odds-ratio preference optimisation: NLL a token of the better answer, plus a preference of log-odds.

    With ``p`` the geometric mean of an answer's token probabilities and ``odds = p / (1 - p)``, the loss is
    ``-log p_chosen - coefficient log sigmoid(log odds_chosen - log odds_rejected)``. There is no reference.

    Args:
        policy: log-probabilities of both answers, nats, below 0, ``[B]`` each.
        lengths: tokens in each answer, ``[B]`` each.
        coefficient: the paper's lambda.
        mask: see `dpo`.
        weights: see `dpo`.
        reduction: see `nll`.

    Returns:
        A `Preference`; its rewards are the log-odds.

    Raises:
        ValueError: shapes that do not fit.

    Source: Hong, Lee and Thorne (2024), "ORPO: Monolithic preference optimization without reference model".

    >>> half = Pair(jnp.array([-0.6931472]), jnp.array([-1.3862944]))
    >>> round(float(orpo(half, Pair(jnp.ones(1), jnp.full(1, 2.0))).loss), 4)
    0.7625
    """
    _, keep, w = _examples("orpo", mask, weights, policy=policy, lengths=lengths)
    each = _per_token(keep, policy, lengths)
    chosen, rejected = (log_p - special.log1mexp(-log_p) for log_p in each)
    losses = -each[0] + coefficient * _preferred(chosen - rejected, 0.0)
    return _preference(losses, chosen, rejected, keep, w, reduction)


def simpo(
    policy: Pair,
    lengths: Pair,
    *,
    beta: float = 2.0,
    margin: float = 0.5,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Preference:
    """Simple preference optimisation: `bradley_terry` of ``beta log pi(y | x) / length``, with a margin; no reference.

    Args:
        policy: log-probabilities of both answers, nats, ``[B]`` each.
        lengths: tokens in each answer, ``[B]`` each.
        beta: scale of the reward.
        margin: the paper's gamma.
        mask: see `dpo`.
        weights: see `dpo`.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit.

    Source: Meng, Xia and Chen (2024), "SimPO: Simple preference optimization with a reference-free reward".

    >>> round(float(simpo(Pair(jnp.array([-2.0]), jnp.array([-9.0])), Pair(jnp.full(1, 4), jnp.full(1, 6))).loss), 4)
    0.2014
    """
    _, keep, w = _examples("simpo", mask, weights, policy=policy, lengths=lengths)
    chosen, rejected = (beta * log_p for log_p in _per_token(keep, policy, lengths))
    losses = _preferred(chosen - rejected - margin, 0.0)
    return _preference(losses, chosen, rejected, keep, w, reduction)


def kto(
    policy: ArrayLike,
    reference: ArrayLike,
    desirable: ArrayLike,
    *,
    baseline: ArrayLike = 0.0,
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Kto:
    """Kahneman-Tversky optimisation: answers marked good or bad one by one, no pairs.

    ``desirable_weight sigmoid(beta (z - h))`` for a good answer, ``undesirable_weight sigmoid(beta (h - z))`` for a bad
    one, with ``h = log pi - log pi_ref`` and the baseline ``z``, the KL divergence of the two models.

    Args:
        policy: log-probability of each answer under the model that is trained, nats, ``[B]``.
        reference: the same under the reference.
        desirable: True where the answer is good, ``[B]``.
        baseline: ``z``, from `kto_baseline`; no gradient flows to it.
        beta: scale of the reward.
        desirable_weight: the paper's lambda_D.
        undesirable_weight: the paper's lambda_U.
        mask: True where an answer counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit.

    Source: Ethayarajh et al. (2024), "KTO: Model alignment as prospect theoretic optimization".

    >>> float(kto(jnp.zeros(2), jnp.zeros(2), jnp.array([True, False])).loss)
    0.5
    """
    shapes = jnp.shape(policy), jnp.shape(reference), jnp.shape(desirable)
    if len(set(shapes)) != 1:
        raise ValueError(f"kto: policy, reference and desirable have shapes {shapes}; want one shape, [B].")
    if jnp.ndim(baseline):
        raise ValueError(f"kto: baseline has shape {jnp.shape(baseline)}; want one number for all.")
    keep, w = example_weights(mask, weights, shapes[0], "kto")
    policy, reference = _filled(keep, -1, policy, reference)
    ratio, baseline = as_floats(policy - jax.lax.stop_gradient(reference), jax.lax.stop_gradient(baseline))
    lead = beta * (ratio - baseline)
    good = jnp.asarray(desirable).astype(bool)
    losses = jnp.where(good, desirable_weight * special.sigmoid(-lead), undesirable_weight * special.sigmoid(lead))
    parts = Kto(losses, jax.lax.stop_gradient(beta * ratio))
    return Kto(*(finish(part, keep, w, reduction) for part in parts))


def kto_baseline(policy: ArrayLike, reference: ArrayLike, *, mask: ArrayLike | None = None) -> Array:
    """``max(0, mean(log pi - log pi_ref))`` of *mismatched* answers (each to another prompt), ``[B]`` to ``()``.

    An estimate of the KL divergence between the models, with no gradient; ``mask`` is True where an answer counts.

    >>> float(kto_baseline(jnp.array([-1.0, -3.0]), jnp.array([-2.0, -3.0])))
    0.5
    """
    if jnp.shape(policy) != jnp.shape(reference):
        raise ValueError(f"kto_baseline: policy has shape {jnp.shape(policy)}, reference {jnp.shape(reference)}.")
    keep, w = example_weights(mask, None, jnp.shape(policy), "kto_baseline")
    policy, reference = _filled(keep, 0, policy, reference)
    return jax.lax.stop_gradient(jax.nn.relu(finish(policy - reference, keep, w, "mean")))


def bradley_terry_ties(
    rewards: tuple[ArrayLike, ArrayLike],
    outcome: ArrayLike,
    *,
    tie: ArrayLike = 0.0,
    model: Literal["davidson", "rao_kupper"] = "davidson",
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    reduction: Reduction = "mean",
) -> Any:
    """Negative log-likelihood of comparisons that may end in a tie.

    Davidson: win, loss and tie have odds ``exp(a)``, ``exp(b)`` and ``exp(tie + (a + b) / 2)``. Rao and Kupper: a win
    takes a lead of more than ``tie``: ``P(win) = sigmoid(a - b - tie)``, ``P(loss) = sigmoid(b - a - tie)``.

    Args:
        rewards: of the first and the second, ``[B]`` each.
        outcome: 0 where the first won, 1 where the second did, 2 for a tie, ``[B]``.
        tie: Davidson: the log-odds of a tie between equals, any number (-inf: never). Rao and Kupper: a threshold,
            not below 0. A scalar: it is one number for all.
        model: "davidson" or "rao_kupper".
        mask: True where a comparison counts, ``[B]``.
        weights: non-negative, ``[B]``.
        reduction: see `nll`.

    Raises:
        ValueError: shapes that do not fit, or another ``model``.

    Source: Davidson (1970), "On extending the Bradley-Terry model to accommodate ties in paired comparison
    experiments"; Rao and Kupper (1967), "Ties in paired-comparison experiments".

    >>> equal = (jnp.zeros(1), jnp.zeros(1))
    >>> round(float(bradley_terry_ties(equal, jnp.array([2]))), 4)
    1.0986
    """
    if model not in ("davidson", "rao_kupper"):
        raise ValueError(f"bradley_terry_ties: model={model!r}; want 'davidson' or 'rao_kupper'.")
    if jnp.shape(rewards[0]) != jnp.shape(rewards[1]):
        shapes = jnp.shape(rewards[0]), jnp.shape(rewards[1])
        raise ValueError(f"bradley_terry_ties: the rewards have shapes {shapes[0]} and {shapes[1]}; want one, [B].")
    if jnp.ndim(tie):
        raise ValueError(f"bradley_terry_ties: tie has shape {jnp.shape(tie)}; want one number for all.")
    first, second, tie = as_floats(*rewards, tie)
    lead = first - second
    if model == "davidson":
        logits = [lead / 2, -lead / 2, jnp.broadcast_to(tie, lead.shape)]
    else:
        win, loss = special.log_sigmoid(lead - tie), special.log_sigmoid(-lead - tie)
        # expm1(2 tie), so that a threshold of 0 leaves no ties
        logits = [win, loss, win + loss + 2 * tie + special.log1mexp(2 * tie)]
    return nll(
        categorical,
        categorical.Params(jnp.stack(logits, -1)),
        outcome,
        mask=mask,
        weights=weights,
        reduction=reduction,
    )


def _preferred(margin: Array, label_smoothing: float) -> Array:
    """Minus the (expected) Bernoulli log-likelihood of the label 1 at log-odds ``margin``."""
    params = bernoulli.Params(margin)
    if label_smoothing:
        return -bernoulli.expected_log_prob(params, 1 - label_smoothing)
    return -bernoulli.log_prob(params, 1)


def _examples(
    name: str, mask: ArrayLike | None, weights: ArrayLike | None, **pairs: Pair
) -> tuple[tuple[int, ...], Array | None, Array | None]:
    """The example axes that all pairs share, which examples count, and their weights."""
    for word, pair in pairs.items():
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"{name}: {word} is a {type(pair).__name__}; want Pair(chosen, rejected), [B] each.")
    shapes = {
        f"{word}.{side}": jnp.shape(x)
        for word, pair in pairs.items()
        for side, x in zip(Pair._fields, pair, strict=True)
    }
    if len(set(shapes.values())) != 1:
        said = ", ".join(f"{word} {shape}" for word, shape in shapes.items())
        raise ValueError(
            f"{name}: the shapes differ: {said}. Give one number a sequence, [B], each: sum token log-probabilities "
            f"first (sequence_log_prob), and drop a trailing axis of 1 (x[..., 0])."
        )
    examples = next(iter(shapes.values()))
    return examples, *example_weights(mask, weights, examples, name)


def _filled(keep: Array | None, fill: float, *xs: ArrayLike) -> tuple[Array, ...]:
    """Floats, with ``fill`` in place of what does not count."""
    arrays = as_floats(*xs)
    return arrays if keep is None else tuple(jnp.where(keep, x, fill) for x in arrays)


def _log_ratios(keep: Array | None, policy: Pair, reference: Pair) -> tuple[Array, Array]:
    """``log pi - log pi_ref`` of the better and of the worse answer."""
    a, b, c, d = _filled(keep, -1, *policy, *reference)
    return a - jax.lax.stop_gradient(c), b - jax.lax.stop_gradient(d)


def _per_token(keep: Array | None, policy: Pair, lengths: Pair) -> tuple[Array, Array]:
    """The mean log-probability of a token of either answer."""
    (a, b), (n, m) = _filled(keep, -1, *policy), _filled(keep, 1, *lengths)
    (a, n), (b, m) = as_floats(a, n), as_floats(b, m)
    return a / n, b / m


def _preference(
    losses: Array, chosen: Array, rejected: Array, keep: Array | None, w: Array | None, reduction: Reduction
) -> Preference:
    chosen, rejected = jax.lax.stop_gradient((chosen, rejected))
    margin = chosen - rejected
    parts = Preference(losses, chosen, rejected, margin, 0.5 * (jnp.sign(margin) + 1))
    return Preference(*(finish(part, keep, w, reduction) for part in parts))


def _smoothing(share: float, name: str) -> None:
    if not 0 <= share < 0.5:
        raise ValueError(f"{name}: label_smoothing={share}; want a share in [0, 0.5).")
