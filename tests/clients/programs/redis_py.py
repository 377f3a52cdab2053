"""redis-py: locks, scripts, pipelines with WATCH, pub/sub, sync and asyncio."""

import asyncio
import sys
import threading
import time

import redis
import redis.asyncio

port = int(sys.argv[1])
r = redis.Redis(port=port, protocol=3)
r.flushall()
with r.lock("lock", timeout=5):
    assert not r.lock("lock", timeout=5, blocking_timeout=0.05).acquire()
assert r.lock("lock", timeout=5, blocking_timeout=0.05).acquire()
add = r.register_script("return redis.call('incrby', KEYS[1], ARGV[1])")
assert add(keys=["n"], args=[5]) == 5
assert add(keys=["n"], args=[5]) == 10

counted = 0


def count_up() -> None:
    for _ in range(50):
        r.transaction(lambda pipe: pipe.multi() or pipe.incr("total"), "total")


threads = [threading.Thread(target=count_up) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert r.get("total") == b"200"

subscriber = r.pubsub()
subscriber.subscribe("channel")
time.sleep(0.1)
r.publish("channel", "hello")
messages = []
deadline = time.time() + 5
while len(messages) < 2 and time.time() < deadline:
    message = subscriber.get_message(timeout=0.5)
    if message:
        messages.append(message)
assert [message["type"] for message in messages] == ["subscribe", "message"], messages


async def asynchronous() -> None:
    client = redis.asyncio.Redis(port=port)
    async with client.pipeline(transaction=True) as pipe:
        assert await pipe.set("a", "1").incr("a").get("a").execute() == [True, 2, b"2"]
    async with client.lock("other", timeout=5):
        pass
    await client.aclose()


asyncio.run(asynchronous())
print("ok")
