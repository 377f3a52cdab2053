"""Scripts try to get out of the sandbox, or to leave something behind in it."""

from __future__ import annotations

import pytest

from tests.support.inprocess import Client, InProcess

READ_ONLY = b"Attempt to modify a readonly table"


@pytest.fixture
def client() -> Client:
    return InProcess().client()


@pytest.mark.parametrize(
    "name",
    [
        "io", "debug", "package", "require", "module", "dofile", "loadfile", "print", "getfenv", "setfenv",
        "newproxy", "python", "lupa", "jit",
    ],
)  # fmt: skip
def test_nothing_dangerous_is_there(client: Client, name: str) -> None:
    message = f"Script attempted to access nonexistent global variable '{name}'".encode()
    assert message in client.command("EVAL", f"return {name}", 0)
    assert client.command("EVAL", f"return rawget(_G, '{name}')", 0) == b"$-1\r\n"
    assert message in client.command("EVAL", f"return loadstring('return {name}')()", 0)
    coroutine = f"return coroutine.wrap(function() return {name} end)()"
    assert message in client.command("EVAL", coroutine, 0)


def test_os_has_nothing_but_the_clock(client: Client) -> None:
    assert client.command("EVAL", "return type(os.clock())", 0) == b"$6\r\nnumber\r\n"
    script = "local n = {} for k in pairs(os) do n[#n + 1] = k end return n"
    assert client.command("EVAL", script, 0) == b"*1\r\n$5\r\nclock\r\n"


def test_no_value_that_a_script_can_reach_is_of_python(client: Client) -> None:
    """Walks over everything that can be reached from the globals: the only userdata is `cjson.null`."""
    script = """
        local seen, found = {}, {}
        local function walk(value, path)
            if type(value) == 'userdata' and value ~= cjson.null then found[#found + 1] = path end
            if seen[value] or (type(value) ~= 'table' and type(value) ~= 'userdata') then return end
            seen[value] = true
            local meta = getmetatable(value)
            if meta ~= nil then walk(meta, path .. '<meta>') end
            if type(value) == 'table' then
                for key, item in pairs(value) do walk(item, path .. '.' .. tostring(key)) end
            end
        end
        walk(_G, '_G')
        walk(getmetatable(''), 'string')
        return found
    """
    assert client.command("EVAL", script, 0) == b"*0\r\n"


@pytest.mark.parametrize(
    "script",
    [
        "local ok, e = pcall(redis.call) return type(e)",
        "local ok, e = xpcall(redis.call, function(e) return e end) return type(e)",
        "local ok, e = coroutine.resume(coroutine.create(function() redis.call() end)) return type(e)",
        "local c = coroutine.wrap(function() redis.call() end) local ok, e = pcall(c) return type(e)",
        "local ok, e = pcall(string.gsub, 'x', 'x', function() redis.call() end) return type(e)",
        "local ok, e = pcall(table.sort, {2, 1}, function() redis.call() end) return type(e)",
        "local ok, e = pcall(load, function() redis.call() end) return type(e)",
        "local t = setmetatable({}, {__index = function() redis.call() end}) "
        "local ok, e = pcall(function() return t.x end) return type(e)",
    ],
)  # fmt: skip
def test_errors_of_the_host_are_no_python_objects(client: Client, script: str) -> None:
    assert client.command("EVAL", script, 0) in (
        b"$6\r\nstring\r\n", b"$5\r\ntable\r\n", b"$6\r\nthread\r\n", b"$7\r\nboolean\r\n", b"$3\r\nnil\r\n",
    )  # fmt: skip


def test_functions_are_functions(client: Client) -> None:
    script = (
        "for _, t in ipairs({redis, cjson, cmsgpack, struct, bit, string, table, math}) do "
        "for k, v in pairs(t) do if type(v) == 'userdata' and v ~= cjson.null then return k end end end "
        "return type(redis.call)"
    )
    assert client.command("EVAL", script, 0) == b"$8\r\nfunction\r\n"


@pytest.mark.parametrize(
    "script",
    [
        "x = 1", "_G.x = 1", "_G['redis'] = nil", "rawset(_G, 'x', 1)", "setmetatable(_G, {})", "KEYS = {}",
        "redis.call = nil", "rawset(redis, 'call', nil)", "setmetatable(redis, {})", "table.insert(redis, 1)",
        "table.insert(_G, 1)", "string.format = nil", "math.huge = 1", "cjson.null = 1", "bit.x = 1",
        "struct.x = 1", "cmsgpack.x = 1", "os.exit = 1", "getmetatable('').__index = {}",
        "getmetatable(_G).__index = nil", "getmetatable('').__index.upper = nil", "table.x = 1",
        "loadstring('x = 1')()", "local n, t = pairs(redis) t.call = nil",
        "rawset(getmetatable(''), '__index', {})", "coroutine.x = 1",
    ],
)  # fmt: skip
def test_what_is_shared_cannot_be_changed(client: Client, script: str) -> None:
    assert READ_ONLY in client.command("EVAL", script, 0)
    check = (
        "return {type(redis.call), ('x'):upper(), string.format('%d', 1), tostring(rawget(_G, 'x')), #redis}"
    )
    expected = b"*5\r\n$8\r\nfunction\r\n$1\r\nX\r\n$1\r\n1\r\n$3\r\nnil\r\n:0\r\n"
    assert client.command("EVAL", check, 0) == expected


def test_the_metatable_of_a_protected_table_is_hidden(client: Client) -> None:
    assert client.command("EVAL", "return getmetatable(redis)", 0) == b"$-1\r\n"
    assert client.command("EVAL", "return getmetatable(cjson.null)", 0) == b"$-1\r\n"


def test_byte_code_is_not_run(client: Client) -> None:
    script = "local f, e = loadstring(string.dump(function() return 1 end)) return {type(f), e}"
    reply = client.command("EVAL", script, 0)
    assert reply.startswith(b"*2\r\n$3\r\nnil\r\n")
    assert b"unexpected symbol near 'char(27)'" in reply
    pieces = (
        "local code, at = string.dump(function() return 1 end), 0 "
        "return type(load(function() at = at + 1 if at <= #code then return code:sub(at, at) end end))"
    )
    assert client.command("EVAL", pieces, 0) == b"$3\r\nnil\r\n"
    assert b"char(27)" in client.command("EVAL", b"\x1bLuaQ", 0)


def test_keys_and_arguments_of_one_script_do_not_reach_the_next(client: Client) -> None:
    client.command("EVAL", "KEYS[5] = 'left' ARGV.name = 'left'", 1, "k", "a")
    assert client.command("EVAL", "return {KEYS[5] or 'none', ARGV.name or 'none'}", 0) == (
        b"*2\r\n$4\r\nnone\r\n$4\r\nnone\r\n"
    )


def test_stopping_the_collector_does_not_last(client: Client) -> None:
    client.command("EVAL", "collectgarbage('stop')", 0)
    for _ in range(60):
        client.command("EVAL", "local t = {} for i = 1, 2000 do t[i] = {} end", 0)
    assert client.command("EVAL", "return collectgarbage('count') < 20000", 0) == b":1\r\n"


def test_a_script_cannot_run_a_script(client: Client) -> None:
    for command in ("eval", "evalsha", "fcall", "script", "function"):
        reply = client.command("EVAL", f"return redis.pcall('{command}', 'return 1', '0', 'x')", 0)
        assert reply.startswith(b"-ERR "), command


def test_deep_recursion_is_an_error_and_no_crash(client: Client) -> None:
    for script in (
        "local function f() return 1 + f() end return f()",
        "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x",
        "local function f() return pcall(f) end return f()",
        "return string.rep('(', 300):find(string.rep('(', 300))",
        "local t = {} for i = 1, 20000 do t = {t} end return t",
    ):
        assert client.command("EVAL", script, 0)
        assert client.command("EVAL", "return 1", 0) == b":1\r\n"
