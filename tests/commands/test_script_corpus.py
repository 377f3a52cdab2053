"""Hundreds of scripts, each with the reply that a real server gave."""

from __future__ import annotations

import pytest

from tests.differential.script_corpus import recorded, run_all, scripts
from tests.support.inprocess import InProcess


@pytest.mark.parametrize("protocol", [2, 3])
def test_every_script_is_answered_as_by_the_real_server(protocol: int) -> None:
    client = InProcess().client(protocol)
    replies = run_all(client.command)
    wrong = [
        (script, mine, real)
        for script, mine, real in zip(scripts(), replies, recorded(protocol), strict=True)
        if mine != real
    ]
    assert not wrong


def test_the_corpus_is_large() -> None:
    assert len(scripts()) >= 300
