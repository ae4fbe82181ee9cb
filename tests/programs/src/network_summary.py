import ipaddress


def network_summary(addresses: list[str]) -> dict[str, list[str]]:
    """Sort addresses into private and public, and collapse their /24 networks."""
    found = sorted({ipaddress.IPv4Address(text) for text in addresses})
    networks = (ipaddress.ip_network((int(one) & ~255, 24)) for one in found)
    return {
        "private": [str(one) for one in found if one.is_private],
        "public": [str(one) for one in found if not one.is_private],
        "networks": [str(one) for one in ipaddress.collapse_addresses(networks)],
    }


def check(candidate):
    got = candidate(["10.0.1.9", "8.8.8.8", "10.0.0.200", "10.0.0.3", "8.8.8.8"])
    assert got == {
        "private": ["10.0.0.3", "10.0.0.200", "10.0.1.9"],
        "public": ["8.8.8.8"],
        "networks": ["8.8.8.0/24", "10.0.0.0/23"],
    }
    assert ipaddress.ip_address("2001:db8::1").exploded.endswith("0000:0001")
    assert len(list(ipaddress.ip_network("192.0.2.0/29").hosts())) == 6
    try:
        candidate(["256.0.0.1"])
    except ipaddress.AddressValueError as error:
        assert "256" in str(error)
    else:
        assert False
