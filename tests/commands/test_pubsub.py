"""Publish and subscribe, in process."""

from __future__ import annotations

import pytest

from tests.support.inprocess import Client, InProcess, encode_command


def bulk(text: bytes | str | None) -> bytes:
    if text is None:
        return b"$-1\r\n"
    data = text.encode() if isinstance(text, str) else text
    return b"$%d\r\n%b\r\n" % (len(data), data)


def frame(protocol: int, *items: bytes | str | int | None) -> bytes:
    """A message or confirmation, as the protocol frames it."""
    null = b"_\r\n" if protocol == 3 else b"$-1\r\n"
    parts = [b":%d\r\n" % i if isinstance(i, int) else null if i is None else bulk(i) for i in items]
    return (b">%d\r\n" if protocol == 3 else b"*%d\r\n") % len(parts) + b"".join(parts)


PROTOCOLS = pytest.mark.parametrize("protocol", [2, 3])

CONTEXT_ERROR = (
    "-ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
    "this context\r\n"
)


class TestSubscribing:
    @PROTOCOLS
    def test_every_name_is_confirmed_with_the_running_count(self, protocol: int) -> None:
        client = InProcess().client(protocol)
        assert client.command("SUBSCRIBE", "a", "b", "a") == (
            frame(protocol, "subscribe", "a", 1)
            + frame(protocol, "subscribe", "b", 2)
            + frame(protocol, "subscribe", "a", 2)
        )
        assert client.command("PSUBSCRIBE", "a*", "a*") == (
            frame(protocol, "psubscribe", "a*", 3) + frame(protocol, "psubscribe", "a*", 3)
        )
        assert client.command("SSUBSCRIBE", "a", b"\xff") == (
            frame(protocol, "ssubscribe", "a", 1) + frame(protocol, "ssubscribe", b"\xff", 2)
        )

    @PROTOCOLS
    def test_leaving_is_confirmed_even_where_there_was_nothing(self, protocol: int) -> None:
        client = InProcess().client(protocol)
        client.command("SUBSCRIBE", "a", "b")
        client.command("PSUBSCRIBE", "p")
        client.command("SSUBSCRIBE", "s")
        assert client.command("UNSUBSCRIBE", "x", "a", "a") == (
            frame(protocol, "unsubscribe", "x", 3)
            + frame(protocol, "unsubscribe", "a", 2)
            + frame(protocol, "unsubscribe", "a", 2)
        )
        assert client.command("PUNSUBSCRIBE", "q", "p") == (
            frame(protocol, "punsubscribe", "q", 2) + frame(protocol, "punsubscribe", "p", 1)
        )
        assert client.command("SUNSUBSCRIBE", "a", "s") == (
            frame(protocol, "sunsubscribe", "a", 1) + frame(protocol, "sunsubscribe", "s", 0)
        )

    @PROTOCOLS
    def test_leaving_all_without_names(self, protocol: int) -> None:
        client = InProcess().client(protocol)
        client.command("SUBSCRIBE", "a", "b")
        client.command("PSUBSCRIBE", "p", "q")
        client.command("SSUBSCRIBE", "s", "t")
        assert client.command("UNSUBSCRIBE") == (
            frame(protocol, "unsubscribe", "a", 3) + frame(protocol, "unsubscribe", "b", 2)
        )
        assert client.command("UNSUBSCRIBE") == frame(protocol, "unsubscribe", None, 2)
        assert client.command("PUNSUBSCRIBE") == (
            frame(protocol, "punsubscribe", "p", 1) + frame(protocol, "punsubscribe", "q", 0)
        )
        assert client.command("PUNSUBSCRIBE") == frame(protocol, "punsubscribe", None, 0)
        assert client.command("SUNSUBSCRIBE") == (
            frame(protocol, "sunsubscribe", "s", 1) + frame(protocol, "sunsubscribe", "t", 0)
        )
        assert client.command("SUNSUBSCRIBE") == frame(protocol, "sunsubscribe", None, 0)

    @pytest.mark.parametrize("name", ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"])
    def test_subscribing_needs_a_name(self, name: str) -> None:
        assert InProcess().client().command(name) == (
            f"-ERR wrong number of arguments for '{name.lower()}' command\r\n".encode()
        )

    def test_the_end_of_a_connection_ends_its_subscriptions(self) -> None:
        server = InProcess()
        client, other = server.client(), server.client()
        client.command("SUBSCRIBE", "a")
        client.command("PSUBSCRIBE", "*")
        client.command("SSUBSCRIBE", "a")
        client.disconnect()
        pubsub = server.engine.pubsub
        assert pubsub.channels.listeners == pubsub.patterns.listeners == pubsub.shard_channels.listeners == {}
        assert other.command("PUBLISH", "a", "m") == b":0\r\n"


class TestRestrictedMode:
    ALLOWED = (
        ["SUBSCRIBE", "b"], ["PSUBSCRIBE", "b"], ["SSUBSCRIBE", "b"], ["UNSUBSCRIBE", "b"],
        ["PUNSUBSCRIBE", "b"], ["SUNSUBSCRIBE", "b"], ["PING"], ["RESET"],
    )  # fmt: skip

    @pytest.mark.parametrize("subscribe", ["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"])
    def test_resp2_subscribers_may_do_little_else(self, subscribe: str) -> None:
        client = InProcess().client()
        client.command(subscribe, "a")
        for words, name in (
            (["GET", "k"], "get"),
            (["PUBLISH", "a", "m"], "publish"),
            (["MULTI"], "multi"),
            (["HELLO", "3"], "hello"),
            (["CLIENT", "ID"], "client|id"),
        ):
            assert client.command(*words) == (CONTEXT_ERROR % name).encode()
        assert client.command("EXEC") == (
            b"-EXECABORT Transaction discarded because of: " + (CONTEXT_ERROR % "exec").encode()[5:]
        )
        for words in self.ALLOWED:
            assert not client.command(*words).startswith(b"-")

    def test_mistakes_come_before_the_restriction(self) -> None:
        client = InProcess().client()
        client.command("SUBSCRIBE", "a")
        assert client.command("GET") == b"-ERR wrong number of arguments for 'get' command\r\n"
        assert client.command("NOSUCH").startswith(b"-ERR unknown command 'NOSUCH'")

    def test_ends_with_the_last_subscription_of_any_kind(self) -> None:
        client = InProcess().client()
        client.command("SUBSCRIBE", "a")
        client.command("SSUBSCRIBE", "s")
        client.command("UNSUBSCRIBE")
        assert client.command("GET", "k").startswith(b"-ERR Can't execute")
        client.command("SUNSUBSCRIBE", "s")
        assert client.command("GET", "k") == b"$-1\r\n"

    def test_resp3_subscribers_may_do_everything(self) -> None:
        client = InProcess().client(3)
        client.command("SUBSCRIBE", "a")
        assert client.command("GET", "k") == b"_\r\n"
        assert client.command("MULTI") == b"+OK\r\n"


class TestPublishing:
    def test_each_speaks_its_protocol(self) -> None:
        server = InProcess()
        publisher = server.client()
        listeners = [server.client(2), server.client(3), server.client(2)]
        for listener in listeners:
            listener.command("SUBSCRIBE", "a")
            listener.command("PSUBSCRIBE", "?", "b*")
            listener.command("SSUBSCRIBE", "a")
        assert publisher.command("PUBLISH", "a", b"\x00\r\n") == b":6\r\n"
        assert publisher.command("SPUBLISH", "a", "m") == b":3\r\n"
        for listener, protocol in zip(listeners, (2, 3, 2), strict=True):
            assert listener.received() == (
                frame(protocol, "message", "a", b"\x00\r\n")
                + frame(protocol, "pmessage", "?", "a", b"\x00\r\n")
                + frame(protocol, "smessage", "a", "m")
            )

    def test_kinds_do_not_mix(self) -> None:
        server = InProcess()
        publisher = server.client()
        channel, pattern, shard = server.client(), server.client(), server.client()
        channel.command("SUBSCRIBE", "a*")
        pattern.command("PSUBSCRIBE", "a*")
        shard.command("SSUBSCRIBE", "a*")
        assert publisher.command("PUBLISH", "ab", "1") == b":1\r\n"
        assert publisher.command("PUBLISH", "a*", "2") == b":2\r\n"
        assert publisher.command("SPUBLISH", "a*", "3") == b":1\r\n"
        assert channel.received() == frame(2, "message", "a*", "2")
        assert pattern.received() == frame(2, "pmessage", "a*", "ab", "1") + frame(
            2, "pmessage", "a*", "a*", "2"
        )
        assert shard.received() == frame(2, "smessage", "a*", "3")

    def test_goes_out_in_the_order_of_subscription(self) -> None:
        server = InProcess()
        listeners = [server.client() for _ in range(5)]
        for listener in reversed(listeners):
            listener.command("SUBSCRIBE", "a")
        order = [ctx.client_id for ctx in server.engine.pubsub.channels.listeners[b"a"]]
        assert order == [5, 4, 3, 2, 1]

    def test_nobody_listens(self) -> None:
        client = InProcess().client()
        assert client.command("PUBLISH", "a", "m") == b":0\r\n"
        assert client.command("SPUBLISH", "a", "m") == b":0\r\n"
        assert client.command("PUBLISH", "a") == b"-ERR wrong number of arguments for 'publish' command\r\n"

    def test_a_whole_pipeline_reaches_a_listener_in_one_write(self) -> None:
        server = InProcess()
        publisher, listener = server.client(), server.client()
        listener.command("SUBSCRIBE", "a")
        writes = listener.session.writes
        publisher.send(b"".join(encode_command("PUBLISH", "a", str(n)) for n in range(100)))
        assert listener.received() == b"".join(frame(2, "message", "a", str(n)) for n in range(100))
        assert listener.session.writes == writes + 1 + publisher.wire.slices


class TestPublishingToOneself:
    """RESP3 only; since Redis 7.2 the message stands behind the reply."""

    @pytest.fixture
    def client(self) -> Client:
        client = InProcess().client(3)
        client.command("SUBSCRIBE", "a")
        client.command("PSUBSCRIBE", "a*")
        return client

    def test_the_reply_comes_first(self, client: Client) -> None:
        messages = frame(3, "message", "a", "m") + frame(3, "pmessage", "a*", "a", "m")
        assert client.command("PUBLISH", "a", "m") == b":2\r\n" + messages
        pipeline = encode_command("PUBLISH", "a", "m") + encode_command("PING")
        assert client.send(pipeline) == b":2\r\n" + messages + b"+PONG\r\n"

    def test_the_messages_of_a_transaction_follow_its_reply(self, client: Client) -> None:
        for words in (["MULTI"], ["PUBLISH", "a", "1"], ["PING"], ["SUBSCRIBE", "b"], ["PUBLISH", "b", "2"]):
            client.command(*words)
        assert client.command("EXEC") == (
            b"*4\r\n:2\r\n+PONG\r\n"
            + frame(3, "subscribe", "b", 3)
            + b":1\r\n"
            + frame(3, "message", "a", "1")
            + frame(3, "pmessage", "a*", "a", "1")
            + frame(3, "message", "b", "2")
        )


class TestTransactions:
    @PROTOCOLS
    def test_subscribing_inside(self, protocol: int) -> None:
        client = InProcess().client(protocol)
        for words in (["MULTI"], ["SUBSCRIBE", "a", "b"], ["GET", "k"], ["PING"]):
            client.command(*words)
        null = b"_\r\n" if protocol == 3 else b"$-1\r\n"
        pong = b"+PONG\r\n" if protocol == 3 else b"*2\r\n$4\r\npong\r\n$0\r\n\r\n"
        assert client.command("EXEC") == (
            b"*3\r\n"
            + frame(protocol, "subscribe", "a", 1)
            + frame(protocol, "subscribe", "b", 2)
            + null
            + pong
        )

    def test_shard_channels_cannot_be_subscribed_to_inside(self) -> None:
        client = InProcess().client()
        client.command("MULTI")
        assert client.command("SSUBSCRIBE", "a") == b"+QUEUED\r\n"
        assert client.command("EXEC") == b"*1\r\n-ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client\r\n"
        assert client.command("GET", "k") == b"$-1\r\n"

    def test_subscribed_in_resp2_the_rest_of_the_transaction_still_runs(self) -> None:
        client = InProcess().client()
        for words in (["MULTI"], ["SUBSCRIBE", "a"], ["SET", "k", "v"], ["UNSUBSCRIBE", "a"]):
            client.command(*words)
        assert client.command("EXEC") == (
            b"*3\r\n" + frame(2, "subscribe", "a", 1) + b"+OK\r\n" + frame(2, "unsubscribe", "a", 0)
        )
        assert client.command("GET", "k") == b"$1\r\nv\r\n"


class TestPubsubCommand:
    @pytest.fixture
    def server(self) -> InProcess:
        server = InProcess()
        one, two = server.client(), server.client(3)
        one.command("SUBSCRIBE", "news", "weather")
        two.command("SUBSCRIBE", "news")
        one.command("PSUBSCRIBE", "n*", "w*")
        two.command("PSUBSCRIBE", "n*")
        two.command("SSUBSCRIBE", "shard", "other")
        return server

    @PROTOCOLS
    @pytest.mark.parametrize(
        ("words", "reply"),
        [
            (["CHANNELS"], b"*2\r\n$4\r\nnews\r\n$7\r\nweather\r\n"),
            (["channels", "n*"], b"*1\r\n$4\r\nnews\r\n"),
            (["CHANNELS", "shard"], b"*0\r\n"),
            (["NUMSUB"], b"*0\r\n"),
            (
                ["NUMSUB", "news", "nope", "weather"],
                b"*6\r\n$4\r\nnews\r\n:2\r\n$4\r\nnope\r\n:0\r\n$7\r\nweather\r\n:1\r\n",
            ),
            (["NUMPAT"], b":2\r\n"),
            (["SHARDCHANNELS"], b"*2\r\n$5\r\nshard\r\n$5\r\nother\r\n"),
            (["SHARDCHANNELS", "s*"], b"*1\r\n$5\r\nshard\r\n"),
            (["SHARDNUMSUB", "shard", "news"], b"*4\r\n$5\r\nshard\r\n:1\r\n$4\r\nnews\r\n:0\r\n"),
            (["SHARDNUMSUB"], b"*0\r\n"),
            (
                ["CHANNELS", "a", "b"],
                b"-ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.\r\n",
            ),
            (
                ["shardchannels", "a", "b"],
                b"-ERR unknown subcommand or wrong number of arguments for 'shardchannels'. "
                b"Try PUBSUB HELP.\r\n",
            ),
            (["NUMPAT", "x"], b"-ERR wrong number of arguments for 'pubsub|numpat' command\r\n"),
            (["FOO"], b"-ERR unknown subcommand 'FOO'. Try PUBSUB HELP.\r\n"),
        ],
    )
    def test_answers(self, server: InProcess, protocol: int, words: list[str], reply: bytes) -> None:
        assert server.client(protocol).command("PUBSUB", *words) == reply

    def test_help(self) -> None:
        reply = InProcess().client().command("PUBSUB", "HELP")
        assert reply.startswith(
            b"*14\r\n+PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n"
        )
        assert b"+CHANNELS [<pattern>]\r\n" in reply
