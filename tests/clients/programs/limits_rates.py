"""limits: fixed, moving and sliding windows."""

import sys

from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

storage = storage_from_string(f"redis://127.0.0.1:{sys.argv[1]}/2")
assert storage.check()
storage.reset()
rate = parse("5/minute")
for kind in (FixedWindowRateLimiter, MovingWindowRateLimiter, SlidingWindowCounterRateLimiter):
    limiter = kind(storage)
    assert [limiter.hit(rate, kind.__name__) for _ in range(7)] == [True] * 5 + [False] * 2
    assert limiter.get_window_stats(rate, kind.__name__).remaining == 0
print("ok")
