"""Huey: a consumer's steps, results, a lock, and a schedule."""

import sys
import time

from huey import RedisHuey

huey = RedisHuey("tests", port=int(sys.argv[1]))


@huey.task()
def add(x, y):
    return x + y


consumer = huey.create_consumer(workers=2, worker_type="thread", initial_delay=0.05)
consumer.start()
try:
    assert add(1, 2)(blocking=True, timeout=10) == 3
    began = time.time()
    assert add.schedule((3, 4), delay=1)(blocking=True, timeout=10) == 7
    assert time.time() - began >= 0.9
    with huey.lock_task("lock"):
        pass
finally:
    consumer.stop(graceful=True)
print("ok")
