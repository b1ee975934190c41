"""Clients whose connections the web server counts together."""

from types import SimpleNamespace

import pytest

from nst.cli.web_server import client_of


@pytest.mark.parametrize(
    ("address", "other", "is_same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::9", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("10.0.0.1", "::ffff:10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
    ],
)
def test_a_client_has_all_addresses_of_its_network(address: str, other: str, is_same: bool) -> None:
    """A client can choose any address of its /64 network, so another one gives it no threads."""
    one, another = (SimpleNamespace(client=(it, 50000, 0, 0)) for it in (address, other))
    assert (client_of(one) == client_of(another)) is is_same
