from collections.abc import Iterator

import pytest

from tests.docs import serving
from tests.docs.serving import Served


@pytest.fixture(scope="session")
def sim_port() -> Iterator[int]:
    """One sim for every page."""
    with serving.sim() as port:
        yield port


@pytest.fixture(scope="session")
def served(sim_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway on the README's policy."""
    with serving.gateway(serving.readme_policy(sim_port), tmp_path_factory.mktemp("readme"), sim_port) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def served_sim(sim_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway on the sim's own policy."""
    with serving.gateway(serving.sim_policy(sim_port), tmp_path_factory.mktemp("sim"), sim_port) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def served_page(sim_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A gateway on the README's policy and the routes that pages show (``yaml page``)."""
    with serving.gateway(serving.pages_policy(sim_port), tmp_path_factory.mktemp("pages"), sim_port) as gateway:
        yield gateway
