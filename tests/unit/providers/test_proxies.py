import pytest

from turnout.hosts import is_loopback
from turnout.providers.proxies import proxy_for

PROXY = "http://proxy:3128"


def test_by_scheme():
    """HTTPS_PROXY for https, HTTP_PROXY for http, ALL_PROXY for what is left; lower case wins."""
    assert proxy_for("https://api.example/v1", {"HTTPS_PROXY": PROXY}) == PROXY
    assert proxy_for("http://api.example/v1", {"HTTPS_PROXY": PROXY}) is None
    assert proxy_for("http://api.example/v1", {"ALL_PROXY": PROXY}) == PROXY
    assert proxy_for("https://api.example", {"HTTPS_PROXY": "http://a", "https_proxy": "http://b"}) == "http://b"
    assert proxy_for("https://api.example", {"HTTPS_PROXY": "proxy:3128"}) == PROXY
    assert proxy_for("https://api.example", {"HTTPS_PROXY": ""}) is None


@pytest.mark.parametrize(
    "no_proxy",
    ["*", "api.example", "example", ".example", "*.example", "other, api.example", "api.example:443", "API.EXAMPLE"],
)
def test_spared_hosts(no_proxy):
    """NO_PROXY in the forms people write."""
    assert proxy_for("https://api.example:443/v1", {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}) is None


@pytest.mark.parametrize("no_proxy", ["", "ample", "api.example:80", "other", "10.0.0.0/8", "bad/net"])
def test_hosts_not_spared(no_proxy):
    """A suffix counts only at a dot."""
    assert proxy_for("https://api.example:443/v1", {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}) == PROXY


def test_networks():
    """Addresses by CIDR, version 6 too."""
    env = {"HTTPS_PROXY": PROXY, "NO_PROXY": "10.0.0.0/8,fd00::/8"}

    assert proxy_for("https://10.1.2.3/v1", env) is None
    assert proxy_for("https://[fd00::1]:8443/v1", env) is None
    assert proxy_for("https://11.1.2.3/v1", env) == PROXY
    assert proxy_for("https://[fd00::1]/", {"HTTPS_PROXY": PROXY, "NO_PROXY": "fd00::1"}) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]", "sim.localhost"])
def test_loopback_never_goes_through_a_proxy(host):
    """A proxy cannot reach the models on our own machine."""
    assert is_loopback(host.strip("[]"))
    assert proxy_for(f"http://{host}:11434/v1", {"ALL_PROXY": PROXY, "HTTP_PROXY": PROXY}) is None
