"""One network, or the members of an ensemble of them: where each starts, and its batches."""

from collections.abc import Callable
from typing import Any

import jax
from jax import Array

from ...models.functional import Model
from ...uncertainty.ensemble import stack
from ..configs import Classifier, Regressor
from ..data import Batches, MemberBatches


def members(create: Callable[[Array], Model], data: Any, config: Classifier | Regressor) -> Any:
    """Params, the networks' ``apply``, and batches; with a leading axis of members where there are several.

    Args:
        create: a network from a key.
        data: what all members are trained on.
        config: member ``k`` has the seed ``config.fit.seed + k``.
    """
    fit = config.fit
    seeds = range(fit.seed, fit.seed + config.ensemble)
    models = [create(jax.random.key(seed)) for seed in seeds]
    batches = tuple(Batches(data, fit.batch_size, seed) for seed in seeds)
    if len(models) == 1:
        return models[0].params, models[0].apply, batches[0]
    return stack([model.params for model in models]), models[0].apply, MemberBatches(batches)
