"""Which addresses an outgoing request may go to."""

from __future__ import annotations

import pytest

from bridge.handlers.checked_resolver import (
    CheckedResolver,
    ForbiddenAddressError,
    is_public,
    normal_host,
    system_addresses,
)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "172.32.0.1",
        "2606:4700:4700::1111",
        "::ffff:8.8.8.8",
    ],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("127.0.0.1", id="loopback"),
        pytest.param("127.255.255.254", id="all of loopback"),
        pytest.param("0.0.0.0", id="unspecified"),
        pytest.param("10.1.2.3", id="private 10"),
        pytest.param("172.16.0.1", id="private 172"),
        pytest.param("192.168.1.1", id="private 192"),
        pytest.param("169.254.169.254", id="link-local: a cloud's metadata"),
        pytest.param("100.64.0.1", id="shared by carriers"),
        pytest.param("198.18.0.1", id="benchmarks"),
        pytest.param("192.0.2.1", id="documentation"),
        pytest.param("224.0.0.1", id="multicast"),
        pytest.param("240.0.0.1", id="reserved"),
        pytest.param("255.255.255.255", id="broadcast"),
        pytest.param("::", id="IPv6 unspecified"),
        pytest.param("::1", id="IPv6 loopback"),
        pytest.param("::ffff:127.0.0.1", id="mapped loopback"),
        pytest.param("::ffff:10.0.0.1", id="mapped private"),
        pytest.param("::ffff:a9fe:a9fe", id="mapped metadata, in hexadecimal"),
        pytest.param("::127.0.0.1", id="compatible loopback"),
        pytest.param("64:ff9b::7f00:1", id="NAT64 loopback"),
        pytest.param("2002:7f00:1::", id="6to4 loopback"),
        pytest.param("2002:0808:0808::", id="6to4 of a public one"),
        pytest.param("2001:0:4136:e378:8000:63bf:3fff:fdd2", id="Teredo"),
        pytest.param("fe80::1", id="IPv6 link-local"),
        pytest.param("fe80::1%eth0", id="with a zone"),
        pytest.param("fec0::1", id="site-local"),
        pytest.param("fc00::1", id="unique local"),
        pytest.param("fd00:ec2::254", id="a cloud's metadata by IPv6"),
        pytest.param("ff02::1", id="IPv6 multicast"),
        pytest.param("2001:db8::1", id="IPv6 documentation"),
        pytest.param("localhost", id="a name"),
        pytest.param("0x7f.1", id="no canonical address"),
        pytest.param("", id="nothing"),
    ],
)
def test_all_others_are_not(address: str) -> None:
    assert not is_public(address)


async def answer(host: str) -> list[str]:
    return {"public": ["8.8.8.8", "2606:4700::1"], "mixed": ["8.8.8.8", "10.0.0.1"], "inner": ["10.0.0.1"]}[
        host
    ]


async def test_public_addresses_are_handed_on_for_the_port() -> None:
    found = await CheckedResolver(answer, ()).resolve("public", 443)
    assert [(item["host"], item["port"], item["hostname"]) for item in found] == [
        ("8.8.8.8", 443, "public"),
        ("2606:4700::1", 443, "public"),
    ]


@pytest.mark.parametrize("host", ["mixed", "inner"])
async def test_one_private_address_spoils_all(host: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        await CheckedResolver(answer, ()).resolve(host, 443)


async def test_a_host_may_be_private_on_one_port_only() -> None:
    resolver = CheckedResolver(answer, {("inner", 9000)})
    assert [item["host"] for item in await resolver.resolve("inner", 9000)] == ["10.0.0.1"]
    with pytest.raises(ForbiddenAddressError):
        await resolver.resolve("inner", 80)


def test_an_address_as_host_is_checked_as_well() -> None:
    resolver = CheckedResolver(answer, {("10.0.0.1", 80)})
    for fine in (("8.8.8.8", 80), ("10.0.0.1", 80), ("inner", 80)):
        resolver.check_literal(fine)
    for wrong in (("10.0.0.1", 81), ("::1", 80), ("::ffff:127.0.0.1", 80)):
        with pytest.raises(ForbiddenAddressError):
            resolver.check_literal(wrong)


async def test_the_systems_resolver_knows_this_host() -> None:
    assert set(await system_addresses("localhost")) <= {"127.0.0.1", "::1"}


def test_hosts_are_compared_without_case_and_the_roots_dot() -> None:
    assert normal_host("Images.Example.COM.") == "images.example.com"
