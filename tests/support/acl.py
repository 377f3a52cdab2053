"""What the tests of rules start from: the commands of an engine, and users made of words."""

from __future__ import annotations

from pyredis.acl.access import Access
from pyredis.acl.catalog import Catalog
from pyredis.acl.selector import Selector
from pyredis.acl.user import User
from pyredis.engine.command import Command
from tests.support.inprocess import InProcess


def access() -> Access:
    return InProcess().engine.access


def catalog() -> Catalog:
    return access().catalog


def selector(*rules: bytes) -> Selector:
    made = Selector(catalog(), False)
    for rule in rules:
        made.apply(rule)
    return made


def user(*rules: bytes) -> User:
    made = User(b"u", catalog(), False)
    for rule in rules:
        made.apply(rule)
    return made


def command(of: User, name: bytes) -> Command:
    found = of.catalog.find(name)
    assert found is not None
    return found
