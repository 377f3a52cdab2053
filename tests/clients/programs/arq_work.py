"""arq: a worker in burst mode with a result and a deferred job."""

import asyncio
import sys

from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import Worker

settings = RedisSettings(port=int(sys.argv[1]))


async def add(ctx, x, y):
    return x + y


async def main() -> None:
    pool = await create_pool(settings)
    job = await pool.enqueue_job("add", 1, 2)
    later = await pool.enqueue_job("add", 3, 4, _defer_by=1)
    worker = Worker([add], redis_settings=settings, burst=True, poll_delay=0.1, handle_signals=False)
    await worker.main()
    assert await job.result(timeout=10) == 3
    await asyncio.sleep(1)
    await Worker([add], redis_settings=settings, burst=True, poll_delay=0.1, handle_signals=False).main()
    assert await later.result(timeout=10) == 7
    await worker.close()
    await pool.aclose()


asyncio.run(main())
print("ok")
