"""channels_redis: groups and channels of both layers."""

import asyncio
import sys

from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer


async def main() -> None:
    for kind in (RedisChannelLayer, RedisPubSubChannelLayer):
        layer = kind(hosts=[("127.0.0.1", int(sys.argv[1]))])
        name = await layer.new_channel()
        await layer.group_add("group", name)
        await layer.group_send("group", {"type": "test", "n": 1})
        assert (await asyncio.wait_for(layer.receive(name), 10))["n"] == 1
        await layer.send(name, {"type": "test", "n": 2})
        assert (await asyncio.wait_for(layer.receive(name), 10))["n"] == 2
        await layer.group_discard("group", name)
        await layer.flush()


asyncio.run(main())
print("ok")
