"""Log-densities and log-tails in arbitrary precision, straight from the definitions.

Each takes ``(y, *params)`` as mpmath numbers and works at the precision in force; tails come in pairs, log-cdf first.
"""

from mpmath import mp, mpf


def log1mexp(x):
    """``log(1 - exp(x))`` for ``x <= 0``."""
    return mp.log(-mp.expm1(x)) if x < 0 else -mp.inf


def softplus(x):
    return mp.log1p(mp.exp(x)) if x < 0 else x + mp.log1p(mp.exp(-x))


def log_mix(*terms):
    """``log sum exp``."""
    top = max(terms)
    return top + mp.log(mp.fsum(mp.exp(t - top) for t in terms))


def xlogy(x, y):
    return mpf(0) if x == 0 else x * mp.log(y)


def fraction(b0, term):
    """The continued fraction ``b0 + a1 / (b1 + a2 / (b2 + ...))``, ``term(n)`` being ``(a_n, b_n)``; by Lentz."""
    f = c = b0
    d = mpf(0)
    n = 1
    while True:
        a, b = term(n)
        d, c = 1 / (b + a * d), b + a / c
        f *= c * d
        if abs(c * d - 1) < 8 * mp.eps and n > 2:
            return f
        n += 1


def log_gamma_tails(a, x):
    """``(log P(a, x), log Q(a, x))``."""
    if x <= 0:
        return -mp.inf, mpf(0)
    front = a * mp.log(x) - x - mp.loggamma(a)
    if x < a + 1:
        term = total = 1 / a
        n = 1
        while term > total * mp.eps:
            term *= x / (a + n)
            total += term
            n += 1
        lower = front + mp.log(total)
        return lower, log1mexp(lower)
    upper = front - mp.log(fraction(x + 1 - a, lambda n: (-n * (n - a), x + 2 * n + 1 - a)))
    return log1mexp(upper), upper


def log_beta_tails(a, b, x):
    """``(log I_x(a, b), log I_{1-x}(b, a))``."""
    if x <= 0 or x >= 1:
        return (-mp.inf, mpf(0)) if x <= 0 else (mpf(0), -mp.inf)
    front = a * mp.log(x) + b * mp.log1p(-x) - mp.loggamma(a) - mp.loggamma(b) + mp.loggamma(a + b)
    if x < (a + 1) / (a + b + 2):
        lower = front - mp.log(a * _beta_fraction(a, b, x))
        return lower, log1mexp(lower)
    upper = front - mp.log(b * _beta_fraction(b, a, 1 - x))
    return log1mexp(upper), upper


def _beta_fraction(a, b, x):
    def term(n):
        m, odd = divmod(n, 2)
        if odd:
            return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), mpf(1)
        return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), mpf(1)

    return fraction(mpf(1), term)


def log_ndtr(z):
    return mp.log(mp.erfc(-z / mp.sqrt(2)) / 2)


# Densities and tails


def normal(y, loc, scale):
    return -(((y - loc) / scale) ** 2) / 2 - mp.log(scale) - mp.log(2 * mp.pi) / 2


def normal_tails(y, loc, scale):
    return log_ndtr((y - loc) / scale), log_ndtr((loc - y) / scale)


def laplace(y, loc, scale):
    return -abs(y - loc) / scale - mp.log(2 * scale)


def laplace_tails(y, loc, scale):
    z = (y - loc) / scale
    near = -abs(z) - mp.log(2)
    return (near, log1mexp(near)) if z < 0 else (log1mexp(near), near)


def student_t(y, df, loc, scale):
    z = (y - loc) / scale
    norm = mp.loggamma((df + 1) / 2) - mp.loggamma(df / 2) - mp.log(df * mp.pi) / 2 - mp.log(scale)
    return norm - (df + 1) / 2 * mp.log1p(z * z / df)


def student_t_tails(y, df, loc, scale):
    z = (y - loc) / scale
    near = log_beta_tails(df / 2, mpf(1) / 2, df / (df + z * z))[0] - mp.log(2) if z != 0 else -mp.log(2)
    return (near, log1mexp(near)) if z < 0 else (log1mexp(near), near)


def logistic(y, loc, scale):
    z = (y - loc) / scale
    return -softplus(z) - softplus(-z) - mp.log(scale)


def logistic_tails(y, loc, scale):
    z = (y - loc) / scale
    return -softplus(-z), -softplus(z)


def asymmetric_laplace(y, loc, scale, quantile):
    z = (y - loc) / scale
    return mp.log(quantile * (1 - quantile) / scale) - (quantile * z if z > 0 else (quantile - 1) * z)


def asymmetric_laplace_tails(y, loc, scale, quantile):
    z = (y - loc) / scale
    if z < 0:
        lower = mp.log(quantile) + (1 - quantile) * z
        return lower, log1mexp(lower)
    upper = mp.log1p(-quantile) - quantile * z
    return log1mexp(upper), upper


def exponential(y, rate):
    return mp.log(rate) - rate * y


def exponential_tails(y, rate):
    return log1mexp(-rate * y), -rate * y


def gamma(y, concentration, rate):
    a = concentration
    return a * mp.log(rate) + (a - 1) * mp.log(y) - rate * y - mp.loggamma(a)


def gamma_tails(y, concentration, rate):
    return log_gamma_tails(concentration, rate * y)


def log_normal(y, loc, scale):
    return normal(mp.log(y), loc, scale) - mp.log(y)


def log_normal_tails(y, loc, scale):
    return normal_tails(mp.log(y), loc, scale)


def log_growth(z, c):
    """``log(1 + c z) / c``, its limit at 0."""
    return z if c == 0 else mp.log1p(c * z) / c


def generalized_extreme_value(y, loc, scale, concentration):
    level = log_growth((y - loc) / scale, concentration)
    return -(1 + concentration) * level - mp.exp(-level) - mp.log(scale)


def generalized_extreme_value_tails(y, loc, scale, concentration):
    lower = -mp.exp(-log_growth((y - loc) / scale, concentration))
    return lower, log1mexp(lower)


def weibull(y, scale, concentration):
    z = y / scale
    return mp.log(concentration / scale) + (concentration - 1) * mp.log(z) - z**concentration


def weibull_tails(y, scale, concentration):
    upper = -((y / scale) ** concentration)
    return log1mexp(upper), upper


def beta(y, a, b):
    return (a - 1) * mp.log(y) + (b - 1) * mp.log1p(-y) - mp.loggamma(a) - mp.loggamma(b) + mp.loggamma(a + b)


def beta_tails(y, a, b):
    return log_beta_tails(a, b, y)


def bernoulli(y, logits):
    return -softplus(-logits) if y else -softplus(logits)


def bernoulli_tails(y, logits):
    return (mpf(0), -mp.inf) if y else (-softplus(logits), -softplus(-logits))


def binomial(y, total_count, logits):
    n = total_count
    choose = mp.loggamma(n + 1) - mp.loggamma(y + 1) - mp.loggamma(n - y + 1)
    return choose - y * softplus(-logits) - (n - y) * softplus(logits)


def binomial_tails(y, total_count, logits):
    if y >= total_count:
        return mpf(0), -mp.inf
    upper, lower = log_beta_tails(y + 1, total_count - y, 1 / (1 + mp.exp(-logits)))
    return lower, upper


def poisson(y, log_rate):
    return y * log_rate - mp.exp(log_rate) - mp.loggamma(y + 1)


def poisson_tails(y, log_rate):
    upper, lower = log_gamma_tails(y + 1, mp.exp(log_rate))
    return lower, upper


def negative_binomial(y, log_mean, concentration):
    r, ratio = concentration, log_mean - mp.log(concentration)
    choose = mp.loggamma(y + r) - mp.loggamma(r) - mp.loggamma(y + 1)
    return choose - r * softplus(ratio) - y * softplus(-ratio)


def negative_binomial_tails(y, log_mean, concentration):
    return log_beta_tails(concentration, y + 1, 1 / (1 + mp.exp(log_mean) / concentration))


def categorical(y, *logits):
    return logits[int(y)] - log_mix(*logits)


def plackett_luce(y0, y1, y2, *scores):
    """The top three: each is chosen among those that are left."""
    left, total = list(range(len(scores))), mpf(0)
    for item in (int(y0), int(y1), int(y2)):
        total += scores[item] - log_mix(*[scores[i] for i in left])
        left.remove(item)
    return total


def multivariate_normal(y0, y1, loc0, loc1, t00, t10, t11):
    """Two coordinates, the lower triangle row by row."""
    z0 = (y0 - loc0) / t00
    z1 = (y1 - loc1 - t10 * z0) / t11
    return -(z0 * z0 + z1 * z1) / 2 - mp.log(t00) - mp.log(t11) - mp.log(2 * mp.pi)


# Combinators


def mixture(y, logit0, logit1, loc0, loc1, scale0, scale1):
    """Of two normals."""
    whole = log_mix(logit0, logit1)
    return log_mix(logit0 - whole + normal(y, loc0, scale0), logit1 - whole + normal(y, loc1, scale1))


def truncated(y, loc, scale):
    """A normal in [-1, 2]."""
    a, b = (-1 - loc) / scale, (2 - loc) / scale
    if a > 0:
        a, b = -b, -a
    inside = (mp.erfc(-b / mp.sqrt(2)) - mp.erfc(-a / mp.sqrt(2))) / 2
    return normal(y, loc, scale) - mp.log(inside)


def discretized(y, loc, scale):
    """A logistic rounded to 0, ..., 255."""
    a, b = (y - mpf(1) / 2 - loc) / scale, (y + mpf(1) / 2 - loc) / scale
    if y == 0:
        return -softplus(-b)
    if y == 255:
        return -softplus(a)
    return -softplus(-b) - softplus(a) + log1mexp(a - b)


def zero_inflated(y, logits, log_rate):
    """A Poisson count with extra zeros."""
    count = -softplus(logits) + poisson(y, log_rate)
    return count if y else log_mix(-softplus(-logits), count)


def censored(time, scale, concentration):
    """A Weibull time that was not reached."""
    return -((time / scale) ** concentration)
