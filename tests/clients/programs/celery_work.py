"""Celery: a worker with results, a chord, a chain and a task with an ETA."""

import subprocess
import sys
import time

from celery import Celery, chain, chord

port = sys.argv[1] if sys.argv[1].isdigit() else "6379"
url = f"redis://127.0.0.1:{port}/0"
app = Celery("celery_work", broker=url, backend=url)
app.conf.broker_connection_retry_on_startup = True


@app.task
def add(x, y):
    return x + y


@app.task
def total(numbers):
    return sum(numbers)


def main() -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, port], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        assert add.delay(2, 3).get(timeout=30) == 5
        assert chord((add.s(i, i) for i in range(10)), total.s()).apply_async().get(timeout=30) == 90
        assert chain(add.s(1, 1), add.s(10)).apply_async().get(timeout=30) == 12
        began = time.time()
        assert add.apply_async((1, 2), countdown=1).get(timeout=30) == 3
        assert time.time() - began >= 0.9
    finally:
        worker.terminate()
        worker.wait(20)
    print("ok")


WORKER = """
import sys
sys.path.insert(0, '.')
from celery_work import app
app.worker_main(['worker', '--pool=solo', '--loglevel=error'])
"""

if __name__ == "__main__":
    main()
