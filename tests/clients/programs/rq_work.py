"""RQ: a worker in burst mode, a failing job, and a scheduled one."""

import sys
from datetime import timedelta

import redis
from rq import Queue, SimpleWorker
from rq.job import JobStatus

connection = redis.Redis(port=int(sys.argv[1]))
connection.flushall()
queue = Queue(connection=connection)
good = queue.enqueue(pow, 2, 10)
bad = queue.enqueue(divmod, 1, 0)
later = queue.enqueue_in(timedelta(seconds=1), pow, 3, 3)
SimpleWorker([queue], connection=connection).work(burst=True, logging_level="ERROR")
assert good.get_status() == JobStatus.FINISHED
assert good.return_value() == 1024
assert bad.get_status() == JobStatus.FAILED
assert later.get_status() == JobStatus.SCHEDULED
from rq.scheduler import RQScheduler  # noqa: E402

scheduler = RQScheduler([queue], connection=connection)
import time  # noqa: E402

time.sleep(1.2)
scheduler.acquire_locks()
scheduler.enqueue_scheduled_jobs()
SimpleWorker([queue], connection=connection).work(burst=True, logging_level="ERROR")
assert later.get_status() == JobStatus.FINISHED, later.get_status()
print("ok")
