"""Grammar of the addresses that name sentinels."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from webhook_kit.fields import RedisAddress
from webhook_kit.redis_address import SentinelAddress, names_sentinels


def test_an_address_has_sentinels_a_primary_and_what_the_servers_need() -> None:
    address = SentinelAddress.parse(
        "rediss+sentinel://kit:s%40cret@one,two.example.org:26380,[::1]:5000/orders-1.eu/3"
        "?sentinel_username=watch&sentinel_password=a%2Fb&client_name=kit"
    )
    assert address.sentinels == (("one", 26379), ("two.example.org", 26380), ("::1", 5000))
    assert address.primary == "orders-1.eu"
    assert address.server_url == "rediss://kit:s%40cret@one:26379/3?client_name=kit"
    assert (address.username, address.password) == ("watch", "a/b")


def test_everything_but_sentinels_and_primary_may_be_missing() -> None:
    address = SentinelAddress.parse("redis+sentinel://[::1]/orders")
    assert address == SentinelAddress((("::1", 26379),), "orders", "redis://[::1]:26379/0", None, None)
    assert SentinelAddress.parse("redis+sentinel://one, two/orders/").sentinels == (("one", 26379), ("two", 26379))


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("redis+sentinel://", "should list the hosts of the sentinels"),
        ("redis+sentinel:///orders", "should list the hosts of the sentinels"),
        ("redis+sentinel://:hidden@/orders", "should list the hosts of the sentinels"),
        ("redis+sentinel://one,,two/orders", "should list the hosts of the sentinels"),
        ("redis+sentinel://one:port/orders", "should list the hosts of the sentinels"),
        ("redis+sentinel://one:0/orders", "should list the hosts of the sentinels"),
        ("redis+sentinel://one:65536/orders", "should list the hosts of the sentinels"),
        ("redis+sentinel://one;two/orders", "should list the hosts of the sentinels"),
        ("redis+sentinel://one[two/orders", "should list the hosts of the sentinels"),
        ("redis+sentinel://:hid/hidden@one/orders", "have / ? @ in a password percent-encoded"),
        ("redis+sentinel://:hidden?@one/orders@", "should name the primary with letters"),
        ("redis+sentinel://:hid#hidden@one/orders", "contains a #; write it as %23"),
        ("redis+sentinel://:hidden@one,two", "should end with the name that the sentinels have for the primary"),
        ("redis+sentinel://:hidden@one,two/", "should end with the name that the sentinels have for the primary"),
        ("redis+sentinel://:hidden@one/my orders", "should name the primary with letters"),
        ("redis+sentinel://:hidden@one/orders/zero", "should have the number of a database after the primary"),
        ("redis+sentinel://:hidden@one/orders/0/1", "should have the number of a database after the primary"),
        ("redis://:hidden@one,two/0", "lists several hosts; write redis+sentinel://"),
        ("sentinel://:hidden@one,two/0", "should be an address such as"),
    ],
)
def test_a_mistake_is_one_clear_line_without_the_password(address: str, complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(RedisAddress).validate_python(address)
    (mistake,) = caught.value.errors()
    assert complaint in mistake["msg"]
    assert "hidden" not in mistake["msg"]


def test_the_scheme_may_be_written_in_capitals() -> None:
    assert TypeAdapter(RedisAddress).validate_python("Redis+Sentinel://One/orders\n") == "redis+sentinel://One/orders"
    assert names_sentinels("REDISS+SENTINEL://one/orders")
    assert not names_sentinels("redis://one/0")
