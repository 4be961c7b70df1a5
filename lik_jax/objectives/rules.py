"""Which rules a distribution, its params and observations break: what `lik_jax.check` and `checked` report."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from .._arrays import as_floats
from ..distribution import Distribution, name_of
from ..supports import Support, example_axes, paired, shared


class Rule(NamedTuple):
    """One rule: where it is broken, and in words.

    Attributes:
        subject: what it is about: ``y``, ``params.scale``, ``log_prob``.
        wanted: what the subject must be, to follow "must be".
        broken: True where it is not, ``[...]``; () for one value shared by all examples.
        values: the subject, ``[..., *event]``.
        advice: what to do.
    """

    subject: str
    wanted: str
    broken: Array
    values: Array
    advice: str


def rules(distribution: Distribution, params: Any, y: Any) -> Iterator[Rule]:
    """The rules, in the order in which their breaking explains most: each param, ``y``, then ``log_prob`` itself."""
    name = name_of(distribution)
    constrained = f"{name}.constrain(raw) maps every raw network output to legal params."
    for path, support, part in paired(distribution.param_supports, params) or ():
        for inner, leaf in jax.tree_util.tree_leaves_with_path(part):
            if support == shared and jax.dtypes.issubdtype(jnp.asarray(leaf).dtype, jax.dtypes.prng_key):
                continue
            yield _inside(support, leaf, f"params{path}{jax.tree_util.keystr(inner)}", constrained)
    whole = jax.tree.leaves(y)
    if len(whole) == 1 and whole[0] is y:
        advice = "Mend or drop these rows; leave missing ones out with mask=."
        yield _inside(distribution.support, y, "y", advice)
    else:
        y_supports: Any = getattr(distribution, "y_supports", None)
        known = [None] * len(whole) if y_supports is None else jax.tree.leaves(y_supports(y))
        for (path, leaf), support in zip(jax.tree_util.tree_leaves_with_path(y), known, strict=True):
            subject = f"y{jax.tree_util.keystr(path)}"
            if support is not None:
                yield _inside(support, leaf, subject, "Mend or drop these rows; leave missing ones out with mask=.")
            elif not jnp.issubdtype(jnp.result_type(leaf), jnp.bool_):
                yield _not_nan(leaf, distribution.event_ndim, subject)
    log_prob = distribution.log_prob(params, y)
    possible = (
        f"Each y may be legal by itself, but is impossible under its params for {name}: a label >= the number of "
        f"classes, a count above its total, a class or region of probability 0."
    )
    impossible = jnp.isneginf(log_prob)
    if len(whole) == 1 and whole[0] is y and jnp.shape(y)[: jnp.ndim(y) - distribution.event_ndim] == log_prob.shape:
        yield Rule("y", "possible under its params", impossible, as_floats(y)[0], possible)
    else:
        yield Rule("log_prob", "above -inf", impossible, log_prob, possible)
    yield Rule("log_prob", "below inf", jnp.isposinf(log_prob), log_prob, "The density is infinite at these y.")
    yield Rule("log_prob", "a number", jnp.isnan(log_prob), log_prob, f"These params are not legal. {constrained}")


def _inside(support: Support, x: Any, subject: str, advice: str) -> Rule:
    (x,) = as_floats(x)
    axes = example_axes(support, x)
    broken = ~support.contains(x)
    return Rule(subject, support.name, broken.any(tuple(range(len(axes), broken.ndim))), x, advice)


def _not_nan(x: Any, event_ndim: int, subject: str) -> Rule:
    (x,) = as_floats(x)
    broken = jnp.isnan(x).any(tuple(range(x.ndim - event_ndim, x.ndim)))
    return Rule(subject, "a number", broken, x, "Leave missing rows out with mask=.")


def describe(distribution: Distribution, rule: Rule) -> str:
    """What is broken, in words, of a rule whose arrays are known: how many rows, the first few of them, what to do."""
    broken, values = np.asarray(rule.broken), np.asarray(rule.values)
    rows = [tuple(int(i) for i in row) for row in np.argwhere(broken)[:4]]
    shown = ", ".join(f"{rule.subject}{list(row) if row else ''} = {_short(values[row])}" for row in rows)
    more = ", ..." if broken.sum() > len(rows) else ""
    count = f"in {int(broken.sum())} of {broken.size} rows it is not" if broken.ndim else "it is not"
    return f"{name_of(distribution)}: {rule.subject} must be {rule.wanted}; {count}: {shown}{more}. {rule.advice}"


def _short(value: np.ndarray) -> str:
    if value.ndim == 0:
        return f"{value:.6g}"
    return np.array2string(value, threshold=6, edgeitems=2, precision=6, separator=", ").replace("\n", "")


# set while `lik_jax.checked` runs: jax.jit traces anew where it is, so that nothing is traced or run where it is not
checking: Any = jax.make_user_context(default_value=False)


def debug_rules(distribution: Distribution, params: Any, y: Any) -> None:
    """Report broken rules where `lik_jax.checked` asks for them; elsewhere nothing happens."""
    if not checking.value or not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((params, y))):
        return
    from jax.experimental import checkify  # 20 ms to import

    for rule in rules(distribution, params, y):
        if rule.broken.size == 0:
            continue
        if any(axis is not None for x in (rule.broken, rule.values) for axis in jax.typeof(x).sharding.spec):
            # looking up one row of an explicitly sharded array is an error: count them, and leave it at that
            message = f"{_opening(distribution, rule)}; in {{count}} of {rule.broken.size} rows it is not. "
            message += _escaped(rule.advice)
            checkify.debug_check(~rule.broken.any(), message, count=rule.broken.sum())
            continue
        first = jnp.argmax(rule.broken.ravel())
        where = {f"i{axis}": i for axis, i in enumerate(jnp.unravel_index(first, rule.broken.shape))}
        value = rule.values.reshape((rule.broken.size, -1))[first]
        message = _template(distribution, rule, list(where))
        value = value[0] if value.size == 1 else value[:6]
        checkify.debug_check(~rule.broken.any(), message, count=rule.broken.sum(), value=value, **where)


def _template(distribution: Distribution, rule: Rule, where: list[str]) -> str:
    """`describe` for arrays that are not known yet: a format string."""
    row = f"{rule.subject}[{', '.join(f'{{{i}}}' for i in where)}]" if where else rule.subject
    count = f"in {{count}} of {rule.broken.size} rows it is not, first" if where else "it is not:"
    return f"{_opening(distribution, rule)}; {count} {row} = {{value}}. {_escaped(rule.advice)}"


def _opening(distribution: Distribution, rule: Rule) -> str:
    return _escaped(f"{name_of(distribution)}: {rule.subject} must be {rule.wanted}")


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
