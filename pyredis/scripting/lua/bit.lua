-- bit: Lua BitOp 1.0.2, operations on signed 32-bit integers.

local internals = ...
local type_error = internals.type_error
local natives = internals.natives
local type, select, tonumber, unpack = type, select, tonumber, unpack

local bit = {}

local function check(entry, number, count, value)
    local kind = type(value)
    if kind == "number" then return value end
    local n = kind == "string" and tonumber(value)
    if not n then type_error(entry, number, "number", count, value) end
    return n
end

local function unary(name)
    local native = natives["bit_" .. name]
    local function entry(...)
        return (native(check(entry, 1, select("#", ...), (...))))
    end
    bit[name] = entry
end

local function variadic(name)
    local native = natives["bit_" .. name]
    local function entry(...)
        local count = select("#", ...)
        local a, b = ...
        if count == 2 and type(a) == "number" and type(b) == "number" then return (native(a, b)) end
        local values = { ... }
        for i = 1, count == 0 and 1 or count do values[i] = check(entry, i, count, values[i]) end
        return (native(unpack(values, 1, count)))
    end
    bit[name] = entry
end

local function shift(name)
    local native = natives["bit_" .. name]
    local function entry(...)
        local count = select("#", ...)
        local value, places = ...
        value = check(entry, 1, count, value)
        return (native(value, check(entry, 2, count, places)))
    end
    bit[name] = entry
end

unary("tobit")
unary("bnot")
unary("bswap")
variadic("band")
variadic("bor")
variadic("bxor")
shift("lshift")
shift("rshift")
shift("arshift")
shift("rol")
shift("ror")

local to_hex = natives.bit_tohex
function bit.tohex(...)
    local count = select("#", ...)
    local value, digits = ...
    value = check(bit.tohex, 1, count, value)
    digits = count < 2 and 8 or check(bit.tohex, 2, count, digits)
    return (to_hex(value, digits))
end

return bit
