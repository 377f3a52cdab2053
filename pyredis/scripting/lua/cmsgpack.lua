-- cmsgpack: MessagePack as lua-cmsgpack 0.4.0 packs and unpacks it.
--
-- Follows lua_cmsgpack.c: integral numbers are integers, others floats of the smaller size that holds them; a
-- table with the keys 1..n is an array; what is nested deeper than 16 is nil.

local internals = ...
local fail, argument_error, type_error = internals.fail, internals.argument_error, internals.type_error
local byte, char, sub = string.byte, string.char, string.sub
local concat, floor, huge = table.concat, math.floor, math.huge
local type, select, tonumber, tostring, next, unpack, error = type, select, tonumber, tostring, next, unpack, error
local natives = internals.natives
local float_bytes, read_float = natives.float_bytes, natives.read_float
local write_integer, read_integer = natives.write_integer, natives.read_integer

local NESTING_MAX = 16

local function big_endian(value, size)
    local bytes = {}
    for i = size, 1, -1 do
        bytes[i] = value % 256
        value = floor(value / 256)
    end
    return char(unpack(bytes))
end

local function negative_big_endian(value, size)
    -- Two's complement: the inverted bytes of -value - 1.
    local rest, bytes = -(value + 1), {}
    for i = size, 1, -1 do
        bytes[i] = 255 - rest % 256
        rest = floor(rest / 256)
    end
    return char(unpack(bytes))
end

local function pack_number(value)
    if floor(value) == value and value >= -9223372036854775808 and value < 9223372036854775808 then
        if value >= 0 then
            if value <= 127 then return char(value) end
            if value <= 0xFF then return char(0xCC, value) end
            if value <= 0xFFFF then return "\205" .. big_endian(value, 2) end
            if value <= 0xFFFFFFFF then return "\206" .. big_endian(value, 4) end
            return "\207" .. write_integer(value, 8, false)
        end
        if value >= -32 then return char(256 + value) end
        if value >= -128 then return char(0xD0, 256 + value) end
        if value >= -32768 then return "\209" .. negative_big_endian(value, 2) end
        if value >= -2147483648 then return "\210" .. negative_big_endian(value, 4) end
        return "\211" .. write_integer(value, 8, false)
    end
    return (float_bytes(value))
end

local function pack_string(text)
    local length = #text
    if length < 32 then return char(0xA0 + length) .. text end
    if length <= 0xFF then return char(0xD9, length) .. text end
    if length <= 0xFFFF then return "\218" .. big_endian(length, 2) .. text end
    return "\219" .. big_endian(length, 4) .. text
end

local function header(length, short, long, longer, limit)
    if length <= limit then return char(short + length) end
    if length <= 0xFFFF then return char(long) .. big_endian(length, 2) end
    return char(longer) .. big_endian(length, 4)
end

local function is_array(t)
    local count, max = 0, 0
    for key in next, t do
        if type(key) ~= "number" or key <= 0 or floor(key) ~= key or key == huge then return false end
        if key > max then max = key end
        count = count + 1
    end
    return max == count, count
end

local append
local function append_table(out, t, level)
    local array, count = is_array(t)
    if array then
        out[#out + 1] = header(count, 0x90, 0xDC, 0xDD, 15)
        for i = 1, count do append(out, t[i], level) end
        return
    end
    count = 0
    for _ in next, t do count = count + 1 end
    out[#out + 1] = header(count, 0x80, 0xDE, 0xDF, 15)
    for key, value in next, t do
        append(out, key, level)
        append(out, value, level)
    end
end

function append(out, value, level)
    local kind = type(value)
    if kind == "string" then
        out[#out + 1] = pack_string(value)
    elseif kind == "number" then
        out[#out + 1] = pack_number(value)
    elseif kind == "boolean" then
        out[#out + 1] = value and "\195" or "\194"
    elseif kind == "table" and level < NESTING_MAX then
        append_table(out, value, level + 1)
    else
        out[#out + 1] = "\192"
    end
end

local function pack(...)
    local count = select("#", ...)
    if count == 0 then argument_error(pack, 0, "MessagePack pack needs input.") end
    local out, values = {}, { ... }
    for i = 1, count do append(out, values[i], 0) end
    return concat(out)
end

-- Unpacking: each reader returns the value and where to go on.

local entry -- the function that was called, for its errors

local function need(text, position, size)
    if position + size - 1 > #text then fail(entry, "Missing bytes in input.") end
end

local function unsigned(text, position, size)
    need(text, position, size)
    local value = 0
    for i = position, position + size - 1 do value = value * 256 + byte(text, i) end
    return value
end

local function take(text, position, length)
    need(text, position, length)
    return sub(text, position, position + length - 1), position + length
end

local read

local function read_array(text, position, length)
    local result = {}
    for i = 1, length do result[i], position = read(text, position) end
    return result, position
end

local function read_map(text, position, length)
    local result = {}
    for _ = 1, length do
        local key, value
        key, position = read(text, position)
        value, position = read(text, position)
        if key == nil then error("table index is nil", 0) end
        if key ~= key then error("table index is NaN", 0) end
        result[key] = value
    end
    return result, position
end

-- 64 bits without a sign are taken for a signed integer, as Redis takes them.
local INTEGERS = {
    [0xCC] = { 1, false }, [0xCD] = { 2, false }, [0xCE] = { 4, false }, [0xCF] = { 8, true },
    [0xD0] = { 1, true }, [0xD1] = { 2, true }, [0xD2] = { 4, true }, [0xD3] = { 8, true },
}
local LENGTHS = { [0xD9] = 1, [0xDA] = 2, [0xDB] = 4, [0xDC] = 2, [0xDD] = 4, [0xDE] = 2, [0xDF] = 4 }

function read(text, position)
    need(text, position, 1)
    local code = byte(text, position)
    position = position + 1
    if code < 0x80 then return code, position end
    if code >= 0xE0 then return code - 256, position end
    if code < 0x90 then return read_map(text, position, code - 0x80) end
    if code < 0xA0 then return read_array(text, position, code - 0x90) end
    if code < 0xC0 then return take(text, position, code - 0xA0) end
    local integer = INTEGERS[code]
    if integer then
        local size, signed = integer[1], integer[2]
        if size < 8 then
            local value = unsigned(text, position, size)
            if signed and value >= 2 ^ (8 * size - 1) then value = value - 2 ^ (8 * size) end
            return value, position + size
        end
        need(text, position, 8)
        return read_integer(sub(text, position, position + 7), signed, false), position + 8
    end
    local size = LENGTHS[code]
    if size then
        local length = unsigned(text, position, size)
        position = position + size
        if code <= 0xDB then return take(text, position, length) end
        if code <= 0xDD then return read_array(text, position, length) end
        return read_map(text, position, length)
    end
    if code == 0xC0 then return nil, position end
    if code == 0xC2 then return false, position end
    if code == 0xC3 then return true, position end
    if code == 0xCA or code == 0xCB then
        local width = code == 0xCA and 4 or 8
        need(text, position, width)
        return read_float(sub(text, position, position + width - 1), false), position + width
    end
    fail(entry, "Bad data format in input.")
end

local function unpack_some(text, limit, offset)
    local all = limit == 0 and offset == 0
    if offset < 0 or limit < 0 then
        fail(entry, "Invalid request to unpack with offset of " .. offset .. " and limit of " .. #text .. ".")
    elseif offset > #text then
        fail(entry, "Start offset " .. offset .. " greater than input length " .. #text .. ".")
    end
    local results, count, position = {}, 0, offset + 1
    while position <= #text and (all or count < limit) do
        count = count + 1
        results[count + 1], position = read(text, position)
    end
    if all then return unpack(results, 2, count + 1) end
    results[1] = position > #text and -1 or position - 1
    return unpack(results, 1, count + 1)
end

-- No function below ends in a tail call to one that may fail: errors look for `entry` on the stack.

local function check_text(count, value)
    if type(value) ~= "string" and type(value) ~= "number" then type_error(entry, 1, "string", count, value) end
    return tostring(value)
end

local function check_integer(number, count, value)
    local n = tonumber(value)
    if n == nil then type_error(entry, number, "number", count, value) end
    return n >= 0 and floor(n) or -floor(-n)
end

local cmsgpack = {
    _NAME = "cmsgpack", _VERSION = "lua-cmsgpack 0.4.0", _COPYRIGHT = "Copyright (C) 2012, Salvatore Sanfilippo",
    _DESCRIPTION = "MessagePack C implementation for Lua", pack = pack,
}

function cmsgpack.unpack(...)
    entry = cmsgpack.unpack
    local text = check_text(select("#", ...), (...))
    return select(1, unpack_some(text, 0, 0))
end

function cmsgpack.unpack_one(...)
    entry = cmsgpack.unpack_one
    local count = select("#", ...)
    local text, offset = ...
    offset = offset == nil and 0 or check_integer(2, count, offset)
    return select(1, unpack_some(check_text(count, text), 1, offset))
end

function cmsgpack.unpack_limit(...)
    entry = cmsgpack.unpack_limit
    local count = select("#", ...)
    local text, limit, offset = ...
    limit = check_integer(2, count, limit)
    offset = offset == nil and 0 or check_integer(3, count, offset)
    return select(1, unpack_some(check_text(count, text), limit, offset))
end

return cmsgpack
