"""django-redis: the cache with timeouts, patterns, counters, locks and bulk operations."""

import sys

import django
from django.conf import settings

settings.configure(
    CACHES={
        "default": {
            "BACKEND": "django_redis.cache.RedisCache",
            "LOCATION": f"redis://127.0.0.1:{sys.argv[1]}/1",
            "OPTIONS": {"CLIENT_CLASS": "django_redis.client.DefaultClient"},
        }
    }
)
django.setup()
from django.core.cache import cache  # noqa: E402

cache.clear()
cache.set("a", {"b": [1, 2, 3]}, timeout=30)
assert cache.get("a") == {"b": [1, 2, 3]}
assert 0 < cache.ttl("a") <= 30
assert cache.add("a", 1) is False
cache.set("n", 1)
assert cache.incr("n", 4) == 5
cache.set_many({"x:1": 1, "x:2": 2})
assert cache.get_many(["x:1", "x:2", "x:3"]) == {"x:1": 1, "x:2": 2}
assert sorted(cache.iter_keys("x:*")) == ["x:1", "x:2"]
assert cache.delete_pattern("x:*") == 2
with cache.lock("l", timeout=5):
    pass
assert cache.get("x:1") is None
print("ok")
