"""The strictest modes, for every test."""

import contextlib
import os
import pathlib
import zlib
from collections.abc import Callable, Iterator

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "agg")

import jax
import pytest
from jax import monitoring

jax.config.update("jax_num_cpu_devices", 4)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_debug_key_reuse", True)
jax.config.update("jax_compilation_cache_dir", str(pathlib.Path(__file__).parents[1] / ".jax_cache"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

ALLOWED_WARNINGS = (
    # two workers may meet in the compilation cache: the one that loses compiles for itself
    "default:.*persistent compilation cache.*:UserWarning",
)


def pytest_configure(config: pytest.Config) -> None:
    for rule in ("error", *ALLOWED_WARNINGS):
        config.addinivalue_line("filterwarnings", rule)


@pytest.fixture
def key(request: pytest.FixtureRequest) -> jax.Array:
    """A PRNG key that comes from the test's own name, its case included."""
    return jax.random.key(zlib.crc32(request.node.name.encode()))


@pytest.fixture(autouse=True, scope="module")
def _forget() -> Iterator[None]:
    """Compiled functions go with the module that asked for them: together they would fill the memory."""
    yield
    jax.clear_caches()


@pytest.fixture
def x64() -> Iterator[None]:
    """The test runs in double precision."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def compiles() -> Callable[[], contextlib.AbstractContextManager[list[str]]]:
    """``with compiles() as names: ...`` collects the name of everything XLA compiles inside."""

    @contextlib.contextmanager
    def count() -> Iterator[list[str]]:
        names: list[str] = []

        def listen(event: str, duration: float, **about: object) -> None:
            if event == "/jax/core/compile/backend_compile_duration":
                names.append(str(about.get("fun_name", "?")))

        monitoring.register_event_duration_secs_listener(listen)
        try:
            yield names
        finally:
            monitoring.unregister_event_duration_listener(listen)

    return count
