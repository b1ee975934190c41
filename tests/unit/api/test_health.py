"""Details of health, which only operators may see."""

import pytest

from support.service_in_process import House


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
def test_visitors_do_not_learn_how_the_service_is(house: House, path: str) -> None:
    client = house.client(trusted_proxies=1)
    assert client.get(path).status_code == 200
    through_proxy = client.get(path, headers={"X-Forwarded-For": "10.0.0.1"})
    assert through_proxy.status_code == 404
    assert client.get("/healthz", headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 200
