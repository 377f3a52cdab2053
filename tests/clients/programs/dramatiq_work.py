"""Dramatiq: a worker, results, and a delayed message."""

import sys
import time

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

port = int(sys.argv[1])
broker = RedisBroker(port=port)
broker.add_middleware(Results(backend=RedisBackend(port=port)))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def add(x, y):
    return x + y


worker = dramatiq.Worker(broker, worker_timeout=100)
worker.start()
try:
    assert add.send(1, 2).get_result(block=True, timeout=10_000) == 3
    began = time.time()
    message = add.send_with_options(args=(3, 4), delay=1000)
    assert message.get_result(block=True, timeout=10_000) == 7
    assert time.time() - began >= 0.9
finally:
    worker.stop()
print("ok")
