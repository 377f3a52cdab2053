-- The world that scripts see: globals, the protection of tables, errors, and the way in and out of a script.
--
-- Called once per interpreter with facts of the host, its callbacks, and `kind`: "eval" or "function".
-- A protected table is an empty one in front of the real one, because this Lua has no read-only tables; every
-- function that looks at a table without its metamethods is therefore wrapped here. What is compiled from
-- this file and its neighbours is called "internal": it never shows in the place that an error message names.

local host, callbacks, kind = ...

local as_function = python.as_function
local raw_next, raw_pairs, raw_getmetatable, raw_setmetatable = next, pairs, getmetatable, setmetatable
local raw_rawget, raw_rawset, raw_pcall, raw_xpcall, raw_loadstring = rawget, rawset, pcall, xpcall, loadstring
local raw_insert, raw_resume, raw_create = table.insert, coroutine.resume, coroutine.create
local type, tostring, tonumber, select, error, ipairs = type, tostring, tonumber, select, error, ipairs
local getinfo, sethook, debug_getmetatable = debug.getinfo, debug.sethook, debug.getmetatable
local format, byte, concat, floor, ceil = string.format, string.byte, table.concat, math.floor, math.ceil
local collectgarbage, setfenv = collectgarbage, setfenv

local INTERNAL = "=redis"
local READ_ONLY = "Attempt to modify a readonly table"
local HOOK_INSTRUCTIONS = 100000

local env -- the globals that scripts see
local proxies = {} -- protected table -> the real one
local natives = {}
for name, callable in raw_pairs(callbacks) do natives[name] = as_function(callable) end

-- Errors.

local function fail(entry, message)
    -- Raises as if `entry` were a C function: the message begins with the place that called it.
    local level = 2
    local info = getinfo(level, "f")
    while info and info.func ~= entry do
        level = level + 1
        info = getinfo(level, "f")
    end
    error(message, level + 1)
end

local function argument_error(entry, number, message)
    local level = 2
    local info = getinfo(level, "fn")
    while info and info.func ~= entry do
        level = level + 1
        info = getinfo(level, "fn")
    end
    local name = info and info.name or "?"
    error(format("bad argument #%d to '%s' (%s)", number, name, message), level + 1)
end

local function type_error(entry, number, expected, count, value)
    local found = number > count and "no value" or type(value)
    argument_error(entry, number, expected .. " expected, got " .. found)
end

local null = newproxy(true)
local null_meta = raw_getmetatable(null)
null_meta.__tostring = function() return "userdata: (nil)" end
null_meta.__metatable = false

local function is_thrown(value)
    -- Whether an error comes from a function of the host: no script has any other userdata.
    return type(value) == "userdata" and value ~= null
end

local has_thrown = false

local function describe(thrown)
    -- The message of an error of the host, and whether it has been counted.
    has_thrown = true
    return natives.describe(thrown)
end

local function error_table(thrown)
    local message, counted = describe(thrown)
    local err = { err = message }
    if counted then err.ignore_error_stats_update = true end
    return err
end

-- Protected tables.

local function refuse() error(READ_ONLY, 2) end

local function protect(real, shown_metatable)
    local meta = { __index = real, __newindex = refuse, __metatable = shown_metatable or false }
    local proxy = raw_setmetatable({}, meta)
    proxies[proxy] = real
    return proxy, meta
end

local safe = {}

function safe.next(t, key)
    if type(t) ~= "table" then argument_error(safe.next, 1, "table expected, got " .. type(t)) end
    return raw_next(proxies[t] or t, key)
end

function safe.pairs(...)
    local t = ...
    if type(t) ~= "table" then type_error(safe.pairs, 1, "table", select("#", ...), t) end
    if proxies[t] then return safe.next, t, nil end
    return raw_next, t, nil
end

function safe.getmetatable(...)
    if select("#", ...) == 0 then argument_error(safe.getmetatable, 1, "value expected") end
    local meta = raw_getmetatable((...))
    if meta == false then return nil end
    return meta
end

function safe.setmetatable(...)
    local t, meta = ...
    local count = select("#", ...)
    if type(t) ~= "table" then type_error(safe.setmetatable, 1, "table", count, t) end
    if count < 2 or (meta ~= nil and type(meta) ~= "table") then
        argument_error(safe.setmetatable, 2, "nil or table expected")
    end
    if proxies[t] then error(READ_ONLY, 0) end
    local old = debug_getmetatable(t)
    if old and raw_rawget(old, "__metatable") ~= nil then
        fail(safe.setmetatable, "cannot change a protected metatable")
    end
    return raw_setmetatable(t, meta)
end

function safe.rawget(...)
    local t, key = ...
    local count = select("#", ...)
    if type(t) ~= "table" then type_error(safe.rawget, 1, "table", count, t) end
    if count < 2 then argument_error(safe.rawget, 2, "value expected") end
    return raw_rawget(proxies[t] or t, key)
end

function safe.rawset(...)
    local t, key, value = ...
    local count = select("#", ...)
    if type(t) ~= "table" then type_error(safe.rawset, 1, "table", count, t) end
    if count < 3 then argument_error(safe.rawset, count + 1, "value expected") end
    if proxies[t] then error(READ_ONLY, 0) end
    if key == nil then error("table index is nil", 0) end
    if key ~= key then error("table index is NaN", 0) end
    return raw_rawset(t, key, value)
end

local function insert(...)
    local t, position = ...
    local count = select("#", ...)
    if type(t) ~= "table" then type_error(insert, 1, "table", count, t) end
    if count ~= 2 and count ~= 3 then fail(insert, "wrong number of arguments to 'insert'") end
    if count == 3 and tonumber(position) == nil then type_error(insert, 2, "number", count, position) end
    if proxies[t] then error(READ_ONLY, 0) end
    return raw_insert(...)
end

-- Calls that catch errors.

local function caught(ok, err, ...)
    if ok then return true, err, ... end
    if is_thrown(err) then
        local message = describe(err)
        return false, message
    end
    if type(err) == "table" then
        local message = err.err
        if type(message) == "string" or type(message) == "number" then return false, message end
    end
    return false, err
end

function safe.pcall(...)
    if select("#", ...) == 0 then return false end
    return caught(raw_pcall(...))
end

function safe.xpcall(...)
    local f, handler = ...
    if select("#", ...) < 2 then argument_error(safe.xpcall, 2, "value expected") end
    return raw_xpcall(f, function(err)
        if is_thrown(err) then err = error_table(err) end
        return handler(err)
    end)
end

-- The host is asked now and then whether the script shall end. From then on every line of it is an error, so that
-- it cannot catch the error and go on.

local on_tick = natives.on_tick
local is_killed = false

local function hook()
    if on_tick() then
        is_killed = true
        sethook(hook, "l")
        if getinfo(2, "S").source ~= INTERNAL then
            error({ err = "ERR Script killed by user with SCRIPT KILL..." }, 0)
        end
    end
end

local function create(f)
    if type(f) ~= "function" or getinfo(f, "S").what == "C" then
        argument_error(create, 1, "Lua function expected")
    end
    local co = raw_create(f)
    sethook(co, hook, "", HOOK_INSTRUCTIONS)
    return co
end

local function resumed(ok, err, ...)
    if ok or not is_thrown(err) then return ok, err, ... end
    return false, error_table(err)
end

local function resume(...)
    local co = ...
    if type(co) ~= "thread" then argument_error(resume, 1, "coroutine expected") end
    return resumed(raw_resume(...))
end

local function wrapped(ok, err, ...)
    if ok then return err, ... end
    if type(err) == "string" then error(err, 3) end
    error(err, 0)
end

local function wrap(f)
    local co = create(f)
    return function(...) return wrapped(raw_resume(co, ...)) end
end

-- Compiling. Byte code would be a way out of the sandbox, so it is taken for source, as Redis does.

local function compile(code, name)
    if byte(code) == 27 then code = " " .. code end
    local chunk, message = raw_loadstring(code, name)
    if not chunk then return nil, message end
    return setfenv(chunk, env)
end

function safe.loadstring(...)
    local code, name = ...
    local count = select("#", ...)
    if type(code) ~= "string" and type(code) ~= "number" then
        type_error(safe.loadstring, 1, "string", count, code)
    end
    if name ~= nil and type(name) ~= "string" and type(name) ~= "number" then
        type_error(safe.loadstring, 2, "string", count, name)
    end
    code = tostring(code)
    return compile(code, name == nil and code or tostring(name))
end

function safe.load(...)
    local reader, name = ...
    local count = select("#", ...)
    if type(reader) ~= "function" then type_error(safe.load, 1, "function", count, reader) end
    if name ~= nil and type(name) ~= "string" and type(name) ~= "number" then
        type_error(safe.load, 2, "string", count, name)
    end
    local pieces = {}
    while true do
        local ok, piece = safe.pcall(reader)
        if not ok then return nil, piece end
        if piece == nil or piece == "" then break end
        if type(piece) ~= "string" and type(piece) ~= "number" then
            return nil, "reader function must return a string"
        end
        pieces[#pieces + 1] = piece
    end
    return compile(concat(pieces), name == nil and "=(load)" or tostring(name))
end

-- Random numbers: the generator of drand48, so that a seed gives the same sequence as in Redis.

local SCALE = 2 ^ 24
local random_high, random_low = 0, 0

local function seed(value)
    -- X = value * 65536 + 0x330E in 48 bits, in two halves of 24.
    local whole = value % 2 ^ 32 * 65536 + 0x330E
    random_high, random_low = floor(whole / SCALE), whole % SCALE
end
seed(0x1234ABCD)

local function next_random()
    -- X = X * 0x5DEECE66D + 0xB in 48 bits; the upper 31 are the number.
    local low = random_low * 0xECE66D + 0xB
    local high = random_high * 0xECE66D + random_low * 0x5DE + floor(low / SCALE)
    random_low = low % SCALE
    random_high = high % SCALE
    return random_high * 128 + floor(random_low / 131072)
end

local function check_integer(entry, number, count, value)
    local n = tonumber(value)
    if n == nil or (type(value) ~= "number" and type(value) ~= "string") then
        type_error(entry, number, "number", count, value)
    end
    return n >= 0 and floor(n) or ceil(n)
end

local function random(...)
    local count = select("#", ...)
    local r = next_random() % 2147483647 / 2147483647
    if count == 0 then return r end
    local first, second = ...
    if count == 1 then
        local upper = check_integer(random, 1, count, first)
        if upper < 1 then argument_error(random, 1, "interval is empty") end
        return floor(r * upper) + 1
    elseif count == 2 then
        local lower = check_integer(random, 1, count, first)
        local upper = check_integer(random, 2, count, second)
        if lower > upper then argument_error(random, 2, "interval is empty") end
        return floor(r * (upper - lower + 1)) + lower
    end
    fail(random, "wrong number of arguments")
end

local function randomseed(...)
    seed(check_integer(randomseed, 1, select("#", ...), (...)))
end

-- The interface to Redis.

local redis = {
    REDIS_VERSION = host.REDIS_VERSION,
    REDIS_VERSION_NUM = host.REDIS_VERSION_NUM,
    LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
    REPL_NONE = 0, REPL_AOF = 1, REPL_SLAVE = 2, REPL_REPLICA = 2, REPL_ALL = 3,
    call = natives.call,
    pcall = natives.pcall,
    log = natives.log,
    sha1hex = natives.sha1hex,
    setresp = natives.setresp,
    set_repl = natives.set_repl,
    acl_check_cmd = natives.acl_check_cmd,
}

local function raise(message) error({ err = message }, 0) end

local function single_field(name, transform)
    return function(...)
        local text = ...
        if select("#", ...) ~= 1 or type(text) ~= "string" then
            return { err = "ERR wrong number or type of arguments" }
        end
        return { [name] = transform and transform(text) or text }
    end
end

redis.error_reply = single_field("err", function(text)
    if byte(text) == 45 then text = text:sub(2) end
    local line = text:gsub("[\r\n]", " ")
    if not text:find(" ", 1, true) then return "ERR " .. line end
    return line
end)
redis.status_reply = single_field("ok")

if kind == "eval" then
    redis.replicate_commands = function() return true end
    redis.breakpoint = function() return false end
    redis.debug = function() end
end

-- Globals.

local strings, tables, maths, coroutines = {}, {}, {}, {}
for name, value in raw_pairs(string) do strings[name] = value end
for name, value in raw_pairs(table) do tables[name] = value end
for name, value in raw_pairs(math) do maths[name] = value end
for name, value in raw_pairs(coroutine) do coroutines[name] = value end
strings.gfind = string.gfind
tables.insert = insert
maths.random, maths.randomseed = random, randomseed
coroutines.create, coroutines.resume, coroutines.wrap = create, resume, wrap

local real = {
    _VERSION = _VERSION, assert = assert, collectgarbage = collectgarbage, error = error, gcinfo = gcinfo,
    ipairs = ipairs, rawequal = rawequal, select = select, tonumber = tonumber, tostring = tostring,
    type = type, unpack = unpack,
}
for name, value in raw_pairs(safe) do real[name] = value end

local internals = {
    fail = fail, argument_error = argument_error, type_error = type_error, null = null, natives = natives,
    is_protected = function(t) return proxies[t] ~= nil end,
}

local function missing(_, name)
    error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end

local missing_meta = { __index = missing }
local env_meta
env, env_meta = protect(real, (protect(missing_meta)))
raw_setmetatable(real, missing_meta)
local string_proxy = protect(strings)
local string_meta = raw_getmetatable("")
string_meta.__index = strings
string_meta.__metatable = protect({ __index = string_proxy })
real._G = env
real.string = string_proxy
real.table = protect(tables)
real.math = protect(maths)
real.coroutine = protect(coroutines)
real.os = protect({ clock = os.clock })
real.redis = protect(redis)
if kind == "eval" then
    raw_rawset(real, "__redis__err__handler", function(err)
        if type(err) ~= "table" then err = { err = "ERR " .. tostring(err) } end
        return err
    end)
end

local function add_library(name, make)
    real[name] = protect(make(internals))
end

-- Conversion of what a script returns.

local format_double = natives.format_double
local DEPTH_MAX = host.DEPTH_MAX
local MIN_INTEGER = "-9223372036854775808"

local function integer_text(value)
    if not (value < 9223372036854775808 and value >= -9223372036854775808) then return MIN_INTEGER end
    if value < 0 then value = ceil(value) else value = floor(value) end
    if value == 0 then return "0" end
    return format("%.0f", value)
end

local function double_text(value)
    if value == 0 and 1 / value < 0 then return "-0" end
    return (format_double(value))
end

local function one_line(text, end_at_nul)
    if end_at_nul then text = text:match("^[^%z]*") end
    return (text:gsub("[\r\n]", " "))
end

local function bulk(out, text)
    out[#out + 1] = "$" .. #text .. "\r\n" .. text .. "\r\n"
end

local encode

local function encode_special(out, value, resp3, script_resp3, depth)
    -- The tables that stand for one of the shapes of RESP; true when it was one.
    local field = raw_rawget(value, "double")
    if type(field) == "number" then
        local text = double_text(field)
        if resp3 then out[#out + 1] = "," .. text .. "\r\n" else bulk(out, text) end
        return true
    end
    field = raw_rawget(value, "map")
    if type(field) == "table" then
        local at, pairs_seen = #out + 1, 0
        out[at] = ""
        for key, item in raw_next, field do
            encode(out, key, resp3, script_resp3, depth + 3)
            encode(out, item, resp3, script_resp3, depth + 3)
            pairs_seen = pairs_seen + 1
        end
        out[at] = resp3 and "%" .. pairs_seen .. "\r\n" or "*" .. 2 * pairs_seen .. "\r\n"
        return true
    end
    field = raw_rawget(value, "set")
    if type(field) == "table" then
        local at, members = #out + 1, 0
        out[at] = ""
        for key in raw_next, field do
            encode(out, key, resp3, script_resp3, depth + 3)
            members = members + 1
        end
        out[at] = (resp3 and "~" or "*") .. members .. "\r\n"
        return true
    end
    field = raw_rawget(value, "big_number")
    if type(field) == "string" then
        field = one_line(field)
        if resp3 then out[#out + 1] = "(" .. field .. "\r\n" else bulk(out, field) end
        return true
    end
    field = raw_rawget(value, "verbatim_string")
    if type(field) == "table" then
        local text, how = raw_rawget(field, "string"), raw_rawget(field, "format")
        if type(text) == "string" and type(how) == "string" then
            if resp3 then
                how = (how .. "   "):sub(1, 3)
                out[#out + 1] = "=" .. #text + 4 .. "\r\n" .. how .. ":" .. text .. "\r\n"
            else
                bulk(out, text)
            end
            return true
        end
    end
    return false
end

function encode(out, value, resp3, script_resp3, depth)
    if depth > DEPTH_MAX then
        out[#out + 1] = "-ERR reached lua stack limit\r\n"
        return
    end
    local kind_of = type(value)
    if kind_of == "string" then
        out[#out + 1] = "$" .. #value .. "\r\n" .. value .. "\r\n"
    elseif kind_of == "number" then
        out[#out + 1] = ":" .. integer_text(value) .. "\r\n"
    elseif kind_of == "boolean" then
        if script_resp3 then
            if resp3 then out[#out + 1] = value and "#t\r\n" or "#f\r\n"
            else out[#out + 1] = value and ":1\r\n" or ":0\r\n" end
        else
            out[#out + 1] = value and ":1\r\n" or resp3 and "_\r\n" or "$-1\r\n"
        end
    elseif kind_of == "table" then
        value = proxies[value] or value
        local field = raw_rawget(value, "err")
        if type(field) == "string" then
            local line = "-" .. one_line(field, true)
            out[#out + 1] = line .. "\r\n"
            if raw_rawget(value, "ignore_error_stats_update") == true then
                out.counted = (out.counted or 0) + 1
            else
                out.errors = out.errors and out.errors .. "\n" .. line or line
            end
            return
        end
        field = raw_rawget(value, "ok")
        if type(field) == "string" then
            out[#out + 1] = "+" .. one_line(field, true) .. "\r\n"
            return
        end
        if encode_special(out, value, resp3, script_resp3, depth) then return end
        local at, items = #out + 1, 0
        out[at] = ""
        local item = raw_rawget(value, 1)
        while item ~= nil do
            items = items + 1
            encode(out, item, resp3, script_resp3, depth + 1)
            item = raw_rawget(value, items + 1)
        end
        out[at] = "*" .. items .. "\r\n"
    else
        out[#out + 1] = resp3 and "_\r\n" or "$-1\r\n"
    end
end

-- Running.

local function place()
    -- Where the error happened: the innermost function, or its caller if that is a C function or one of ours.
    local level = 3
    local info = getinfo(level, "Sl")
    if info and info.what == "C" then
        level = level + 1
        info = getinfo(level, "Sl")
    end
    if info and info.source == INTERNAL then
        while info and (info.source == INTERNAL or info.what == "tail") do
            level = level + 1
            info = getinfo(level, "Sl")
        end
    end
    return info
end

local function handler(err)
    local info = place()
    local result = {}
    if is_thrown(err) then
        result.message, result.counted = describe(err)
    elseif type(err) == "table" then
        local message = err.err
        if type(message) ~= "string" and type(message) ~= "number" then message = "ERR unknown error" end
        result.message, result.source, result.line = message, err.source, err.line
        result.counted = err.ignore_error_stats_update == true
    else
        result.message = "ERR " .. tostring(err)
    end
    if info then result.source, result.line = info.source, info.currentline end
    return result
end

-- The collector keeps pace with what scripts allocate, and ordinary ones leave a heap of a tenth of this; one that has
-- been larger is brought down by the scripts that follow, 50 KB with every 50 of them. So is one that holds errors of
-- the host, of whose size Lua knows nothing.
local STEADY_KB = 4096
local runs = 0

local function tidy_up()
    -- Behind every fiftieth script, and behind one that was killed.
    if is_killed then
        is_killed = false
        sethook(hook, "", HOOK_INSTRUCTIONS)
    end
    if runs >= 50 then
        runs = 0
        if has_thrown or collectgarbage("count") > STEADY_KB then
            has_thrown = false
            collectgarbage("step", 50)
        end
    end
end

-- Returns one value that needs no conversion; or nil, a whole reply, how many errors in it have been counted when
-- they arose, and the others; or nil, nil and what there is to know of an error.
local function finish(ok, value)
    runs = runs + 1
    if runs >= 50 or is_killed then tidy_up() end
    if not ok then
        if type(value) ~= "table" then return nil, nil, "ERR " .. tostring(value), nil, nil, false end
        return nil, nil, value.message, value.source, value.line, value.counted
    end
    local kind_of = type(value)
    if kind_of == "string" or kind_of == "number" then return value end
    if kind_of == "nil" then return nil end
    if kind_of == "table" and raw_rawget(value, "ok") == "OK" and raw_rawget(value, "err") == nil then
        return nil, "+OK\r\n", 0, nil -- short for what follows
    end
    local resp3, script_resp3 = natives.protocols()
    if kind_of == "boolean" and not script_resp3 then return value end
    local out = {}
    encode(out, value, resp3, script_resp3, 1)
    return nil, concat(out), out.counted or 0, out.errors
end

local function divide(key_count, ...)
    local keys, argv = { ... }, {}
    for i = key_count + 1, #keys do
        argv[i - key_count] = keys[i]
        keys[i] = nil
    end
    return keys, argv
end

-- Scripts and functions are run with keys and arguments in one row, with the only one, or with tables of them.

local function run(f, key_count, ...)
    real.KEYS, real.ARGV = divide(key_count, ...)
    return finish(raw_xpcall(f, handler))
end

local function run_one(f, key_count, argument)
    if key_count == 1 then
        real.KEYS, real.ARGV = { argument }, {}
    else
        real.KEYS, real.ARGV = {}, { argument }
    end
    return finish(raw_xpcall(f, handler))
end

local function run_tables(f, keys, argv)
    real.KEYS, real.ARGV = keys, argv
    return finish(raw_xpcall(f, handler))
end

-- The function to be called and its arguments: this Lua's xpcall hands none over.
local called, called_keys, called_argv

local function invoke()
    local f, keys, argv = called, called_keys, called_argv
    called, called_keys, called_argv = nil, nil, nil
    return f(keys, argv)
end

local function call(f, key_count, ...)
    called, called_keys, called_argv = f, divide(key_count, ...)
    return finish(raw_xpcall(invoke, handler))
end

local function call_one(f, key_count, argument)
    called = f
    if key_count == 1 then
        called_keys, called_argv = { argument }, {}
    else
        called_keys, called_argv = {}, { argument }
    end
    return finish(raw_xpcall(invoke, handler))
end

local function call_tables(f, keys, argv)
    called, called_keys, called_argv = f, keys, argv
    return finish(raw_xpcall(invoke, handler))
end

-- Loading a library of functions: for its code there is nothing but a way to register.

local register = natives.register
local function check_registration(...)
    local count = select("#", ...)
    local first, second = ...
    if count == 2 then
        if type(first) ~= "string" and type(first) ~= "number" then
            raise("ERR first argument to redis.register_function must be a string")
        end
        if type(second) ~= "function" then
            raise("ERR second argument to redis.register_function must be a function")
        end
        return first, second
    elseif count ~= 1 then
        raise("ERR wrong number of arguments to redis.register_function")
    elseif type(first) ~= "table" then
        raise("ERR calling redis.register_function with a single argument is only applicable to Lua table (representing named arguments).")
    end
    local name, callback, description, flags
    for key, value in raw_next, first do
        if type(key) ~= "string" then raise("ERR unknown argument given to redis.register_function") end
        local lowered = key:lower()
        if lowered == "function_name" then
            if type(value) ~= "string" and type(value) ~= "number" then
                raise("ERR function_name argument given to redis.register_function must be a string")
            end
            name = value
        elseif lowered == "description" then
            if type(value) ~= "string" and type(value) ~= "number" then
                raise("ERR description argument given to redis.register_function must be a string")
            end
            description = tostring(value)
        elseif lowered == "callback" then
            if type(value) ~= "function" then
                raise("ERR callback argument given to redis.register_function must be a function")
            end
            callback = value
        elseif lowered == "flags" then
            if type(value) ~= "table" then
                raise("ERR flags argument to redis.register_function must be a table representing function flags")
            end
            flags = {}
            local i = 1
            while raw_rawget(value, i) ~= nil do
                local flag = raw_rawget(value, i)
                if type(flag) ~= "string" then raise("ERR unknown flag given") end
                flags[i] = flag
                i = i + 1
            end
            flags = concat(flags, ",")
        else
            raise("ERR unknown argument given to redis.register_function")
        end
    end
    if name == nil then raise("ERR redis.register_function must get a function name argument") end
    if callback == nil then raise("ERR redis.register_function must get a callback argument") end
    return name, callback, description, flags
end

local load_real = raw_setmetatable({
    redis = protect(raw_setmetatable({
        register_function = function(...)
            local name, callback, description, flags = check_registration(...)
            register(tostring(name), callback, description, flags or "")
        end,
        log = natives.log,
        LOG_DEBUG = 0, LOG_VERBOSE = 1, LOG_NOTICE = 2, LOG_WARNING = 3,
        REDIS_VERSION = redis.REDIS_VERSION, REDIS_VERSION_NUM = redis.REDIS_VERSION_NUM,
    }, missing_meta)),
}, missing_meta)

local function load_library(f)
    env_meta.__index = load_real
    local ok, value = raw_xpcall(f, handler)
    env_meta.__index = real
    if ok then return true end
    return false, type(value) == "table" and value.message or "ERR " .. tostring(value)
end

local function compile_chunk(code, name)
    local chunk, message = raw_loadstring(code, name)
    if not chunk then return nil, message end
    return setfenv(chunk, env)
end

-- After this nothing can be reached but what is listed above, not even by way of the thread's own globals, which
-- stay an empty table: lupa looks there for `debug`, which must not raise.
local raw_globals = _G
local function seal()
    sethook(hook, "", HOOK_INSTRUCTIONS)
    local names = {}
    for name in raw_next, raw_globals do names[#names + 1] = name end
    for _, name in ipairs(names) do raw_globals[name] = nil end
end

return {
    run = run, run_one = run_one, run_tables = run_tables,
    call = call, call_one = call_one, call_tables = call_tables, load_library = load_library,
    compile = compile_chunk, add_library = add_library,
    dump = strings.dump, collect = collectgarbage, seal = seal,
}
