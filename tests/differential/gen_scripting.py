"""Random scripts: those of the corpus, conversions of random values, and the libraries on random data.

Left out is what may differ between any two runs or versions: addresses, the order in which `pairs` walks over a
table with several keys, numbers whose shortest text is not that of `%.17g`, random numbers without a seed.
"""

from __future__ import annotations

import json
from typing import Final

from hypothesis import strategies as st

from tests.differential.gen_sorted_sets import weighted
from tests.differential.gen_strings import any_case, request
from tests.differential.script_corpus import scripts

Argv = list[bytes]

KEYS: Final = (b"k1", b"k2", b"k3", b"k4", b"k5")

# Scripts of the corpus that need the reply to their own place, or that leave the database they began in.
CORPUS: Final = tuple(
    script
    for script in scripts()
    if not any(
        word in script
        for word in (
            b"flushall",
            b"swapdb",
            b"error(function",
            b"tostring(e)",
            b"'select",
            b"randomkey",
            b"redis.pcall('get') return 1+f()",
            b",12345678901234567890)",
        )
    )
)

HASHES: Final = (
    b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db",
    b"E0E1F9FABFC9D4800C877A703B823AC0578FF8DB",
    b"x",
    b"",
)

NUMBERS: Final = (
    "0", "1", "-1", "2^53", "-2^53", "1.5", "-2.25", "1e15", "1e100", "1/0", "-1/0", "0.5", "255", "65536",
    "2^31", "-2^31", "2^32", "'12'", "'0x10'", "''", "'x'", "nil", "true", "{}",
)  # fmt: skip

FORMATS: Final = (
    "b", "B", "h", "H", "i", "I", "l", "L", "f", "d", "s", "c0", "c1", "c5", "x", "i3", "I7", "i8", "i16", "!8",
    "!4", "!", "<", ">", " ", "T", "z", "!3", "i40", "%",
)  # fmt: skip

key = st.sampled_from(KEYS)
text = st.binary(max_size=8).map(lambda b: "'" + "".join(f"\\{byte:03d}" for byte in b) + "'")
number = weighted((3, st.integers(-70_000, 70_000).map(str)), (2, st.sampled_from(NUMBERS)))
scalar = weighted((3, number), (3, text), (1, st.sampled_from(("nil", "true", "false", "cjson.null"))))


def _table(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(children, max_size=4).map(lambda parts: "{" + ",".join(parts) + "}")
    named = st.tuples(
        st.sampled_from(
            ("a", "ok", "err", "double", "map", "set", "big_number", "verbatim_string", "format")
        ),
        children,
    ).map(lambda pair: f"{{{pair[0]}={pair[1]}}}")
    return st.one_of(items, items, named)


value = st.recursive(scalar, _table, max_leaves=8)

json_value = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.text(max_size=6),
        st.integers(-1000, 1000).map(lambda n: n / 8),
    ),
    lambda children: st.one_of(
        st.lists(children, max_size=4), st.dictionaries(st.text(max_size=3), children, max_size=1)
    ),
    max_leaves=8,
)  # fmt: skip


def _damaged(source: tuple[bytes, int, int]) -> bytes:
    data, place, byte = source
    at = place % (len(data) + 1)
    return data[:at] + bytes([byte]) + data[at + 1 :]


json_text = weighted(
    (2, json_value.map(lambda v: json.dumps(v).encode())),
    (
        1,
        json_value.map(
            lambda v: json.dumps(v, ensure_ascii=False, separators=(" , ", " : ")).encode("utf-8", "replace")
        ),
    ),
    (
        2,
        st.tuples(
            json_value.map(lambda v: json.dumps(v).encode()),
            st.integers(0, 60),
            st.sampled_from(b'{}[],:"\\ 0-e.nt\0\xff'),
        ).map(_damaged),
    ),
)


def script(body: st.SearchStrategy[str]) -> st.SearchStrategy[Argv]:
    return body.map(lambda source: [b"EVAL", source.encode("latin-1"), b"0"])


def conversions() -> st.SearchStrategy[Argv]:
    """Values returned, and values through commands and back."""
    returned = value.map(lambda v: f"return {v}")
    resp3 = value.map(lambda v: f"redis.setresp(3) return {v}")
    stored = scalar.map(lambda v: f"redis.call('set','k1',{v}) return redis.call('get','k1')")
    failed = value.map(lambda v: f"local ok, e = pcall(error, {v}) return e")
    return script(weighted((4, returned), (2, resp3), (2, stored), (1, failed)))


def libraries() -> st.SearchStrategy[Argv]:
    """cjson, cmsgpack, struct and bit."""
    decoded = json_text.map(lambda data: [b"EVAL", b"return cjson.encode(cjson.decode(ARGV[1]))", b"0", data])
    encoded = script(value.map(lambda v: f"return cjson.encode({v})"))
    packed = script(
        st.lists(value, min_size=1, max_size=3).map(lambda vs: f"return cmsgpack.pack({','.join(vs)})")
    )
    again = script(value.map(lambda v: f"return cmsgpack.pack(cmsgpack.unpack(cmsgpack.pack({v})))"))
    opened = st.binary(max_size=12).map(
        lambda data: [b"EVAL", b"return cmsgpack.pack({cmsgpack.unpack(ARGV[1])})", b"0", data]
    )
    layout = st.lists(st.sampled_from(FORMATS), max_size=5).map("".join)
    made = script(
        st.tuples(layout, st.lists(st.one_of(number, text), max_size=5)).map(
            lambda d: f"return struct.pack({','.join([repr(d[0]), *d[1]])})"
        )
    )
    taken = st.tuples(layout, st.binary(max_size=24), st.integers(-1, 5)).map(
        lambda d: [
            b"EVAL",
            b"return {struct.unpack(ARGV[1], ARGV[2], tonumber(ARGV[3]))}",
            b"0",
            d[0].encode(),
            d[1],
            b"%d" % d[2],
        ]
    )
    sized = script(layout.map(lambda f: f"return struct.size({f!r})"))
    operation = st.sampled_from(
        (
            "tobit",
            "bnot",
            "bswap",
            "band",
            "bor",
            "bxor",
            "lshift",
            "rshift",
            "arshift",
            "rol",
            "ror",
            "tohex",
        )
    )
    bits = script(
        st.tuples(operation, st.lists(number, max_size=3)).map(
            lambda d: f"return bit.{d[0]}({','.join(d[1])})"
        )
    )
    return weighted(
        (4, decoded),
        (3, encoded),
        (2, packed),
        (2, again),
        (2, opened),
        (2, made),
        (2, taken),
        (1, sized),
        (2, bits),
    )


def calls() -> st.SearchStrategy[Argv]:
    """Commands from scripts, right and wrong."""
    what = st.sampled_from(
        ("'get',KEYS[1]", "'incr',KEYS[1]", "'lpush',KEYS[1],'a'", "'hgetall',KEYS[1]", "'set',KEYS[1],ARGV[1]",
         "'del',KEYS[1]", "'zadd',KEYS[1],1,'m'", "'lrange',KEYS[1],0,-1", "'get'", "'nosuch'", "'eval','return 1',0",
         "'hset',KEYS[1],'f',ARGV[1]", "'sadd',KEYS[1],ARGV[1]", "'scard',KEYS[1]", "'type',KEYS[1]", "{}", "")
    )  # fmt: skip
    how = st.sampled_from(
        ("return redis.call(%s)", "return redis.pcall(%s)", "return {redis.pcall(%s), 1}",
         "return {pcall(redis.call,%s)}",
         "redis.call(%s) return 1", "local r = redis.call(%s) return type(r)", "redis.setresp(3) return redis.call(%s)")
    )  # fmt: skip
    argument = st.one_of(st.sampled_from((b"5", b"x", b"", b"1.5")), st.binary(max_size=6))
    return st.tuples(st.sampled_from((b"EVAL", b"EVAL", b"EVAL_RO", b"eval")), how, what, key, argument).map(
        lambda d: [
            d[0],
            (d[1] % d[2]).replace("pcall(redis.call,)", "pcall(redis.call)").encode(),
            b"1",
            d[3],
            d[4],
        ]
    )


def libraries_of_functions() -> st.SearchStrategy[Argv]:
    """FUNCTION and FCALL over a few libraries of one function each, as the order of several is not determined."""
    name = st.sampled_from(("l1", "l2", "a-b", ""))
    function = st.sampled_from(("f1", "f2", "F1", "f-1"))
    body = st.sampled_from(
        ("return 1", "return {keys, args}", "return redis.call('incr', keys[1])", "error('x')", "return x")
    )
    code = st.tuples(name, function, body).map(
        lambda d: (
            f"#!lua name={d[0]}\nredis.register_function('{d[1]}', function(keys, args) {d[2]} end)".encode()
        )
    )
    load = st.tuples(st.sampled_from(([], [b"REPLACE"], [b"BAD"])), code).map(
        lambda d: [b"FUNCTION", b"LOAD", *d[0], d[1]]
    )
    call = st.tuples(
        st.sampled_from((b"FCALL", b"FCALL_RO")),
        function,
        st.sampled_from((b"0", b"1", b"2", b"-1", b"x")),
        key,
    ).map(lambda d: [d[0], d[1].encode(), d[2], d[3], b"arg"])
    return weighted(
        (5, load),
        (5, call),
        (1, name.map(lambda n: [b"FUNCTION", b"DELETE", n.encode()])),
        (
            1,
            st.sampled_from(([], [b"SYNC"], [b"ASYNC"], [b"BAD"], [b"SYNC", b"X"])).map(
                lambda o: [b"FUNCTION", b"FLUSH", *o]
            ),
        ),
        (1, name.map(lambda n: [b"FUNCTION", b"LIST", b"LIBRARYNAME", n.encode(), b"WITHCODE"])),
        (1, st.sampled_from((b"KILL", b"HELP", b"BAD")).map(lambda s: [b"FUNCTION", s])),
    )


def caches() -> st.SearchStrategy[Argv]:
    """SCRIPT and EVALSHA."""
    source = st.sampled_from(
        (
            b"return 1",
            b"return KEYS[1]",
            b"return 1 +",
            b"#!lua\nreturn 1",
            b"#!lua flags=no-writes\nreturn 1",
        )
    )
    return weighted(
        (3, source.map(lambda s: [b"SCRIPT", b"LOAD", s])),
        (3, st.tuples(any_case([b"EVALSHA"]), st.sampled_from(HASHES)).map(lambda d: [d[0], d[1], b"0"])),
        (2, source.map(lambda s: [b"EVAL_RO", s, b"0"])),
        (1, st.lists(st.sampled_from(HASHES), max_size=3).map(lambda h: [b"SCRIPT", b"EXISTS", *h])),
        (1, st.sampled_from(([], [b"SYNC"], [b"async"], [b"BAD"])).map(lambda o: [b"SCRIPT", b"FLUSH", *o])),
        (1, st.sampled_from((b"KILL", b"HELP", b"BAD")).map(lambda s: [b"SCRIPT", s])),
    )


def commands() -> st.SearchStrategy[Argv]:
    """One random request."""
    corpus = st.tuples(st.sampled_from(CORPUS), key).map(lambda d: [b"EVAL", d[0], b"1", d[1], b"a1"])
    return weighted(
        (4, corpus), (4, conversions()), (6, libraries()), (4, calls()), (3, libraries_of_functions()), (2, caches()),
        (1, request(b"SET", key, st.sampled_from((b"5", b"x")))), (1, request(b"DEL", key)),
    )  # fmt: skip
