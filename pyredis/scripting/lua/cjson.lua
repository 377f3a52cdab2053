-- cjson: JSON as lua-cjson 2.1 reads and writes it, its options and the wording of its errors.
--
-- Follows lua_cjson.c. Numbers are printed with `%.14g`; a table is an array when all its keys are positive
-- integers and not too far apart; an empty table is an object.

local internals = ...
local fail, argument_error, type_error, null =
    internals.fail, internals.argument_error, internals.type_error, internals.null
local byte, char, find, format, gsub, match, sub =
    string.byte, string.char, string.find, string.format, string.gsub, string.match, string.sub
local concat, floor, tonumber, tostring, type, select, next =
    table.concat, math.floor, tonumber, tostring, type, select, next
local rawget = rawget
local parse_number = internals.natives.parse_number

local HUGE = math.huge

local ESCAPES = {}
for code = 0, 31 do ESCAPES[char(code)] = format("\\u%04x", code) end
ESCAPES["\b"], ESCAPES["\t"], ESCAPES["\n"], ESCAPES["\f"], ESCAPES["\r"] = "\\b", "\\t", "\\n", "\\f", "\\r"
ESCAPES['"'], ESCAPES["\\"], ESCAPES["/"], ESCAPES["\127"] = '\\"', "\\\\", "\\/", "\\u007f"
local SPECIAL = '[%c"\\/\127]'

local UNESCAPES = {
    [34] = '"', [92] = "\\", [47] = "/", [98] = "\b", [116] = "\t", [110] = "\n", [102] = "\f", [114] = "\r",
}

local TOKENS = {
    ["{"] = "T_OBJ_BEGIN", ["}"] = "T_OBJ_END", ["["] = "T_ARR_BEGIN", ["]"] = "T_ARR_END",
    [":"] = "T_COLON", [","] = "T_COMMA",
}

local function quote(text)
    if find(text, SPECIAL) then text = gsub(text, SPECIAL, ESCAPES) end
    return '"' .. text .. '"'
end

local function utf8(code)
    if code < 0x80 then return char(code) end
    if code < 0x800 then return char(0xC0 + floor(code / 64), 0x80 + code % 64) end
    if code < 0x10000 then
        return char(0xE0 + floor(code / 4096), 0x80 + floor(code / 64) % 64, 0x80 + code % 64)
    end
    return char(0xF0 + floor(code / 262144), 0x80 + floor(code / 4096) % 64,
        0x80 + floor(code / 64) % 64, 0x80 + code % 64)
end

local make

function make()
    local sparse_convert, sparse_ratio, sparse_safe = false, 2, 10
    local encode_depth, decode_depth = 1000, 1000
    local encode_invalid, decode_invalid = "off", true
    local number_format, precision, keep_buffer = "%.14g", 14, true
    local cjson = {}

    -- Encoding.

    local entry_encode

    local function refuse(kind, reason)
        fail(entry_encode, "Cannot serialise " .. kind .. ": " .. reason)
    end

    local function number_text(value)
        if value ~= value or value == HUGE or value == -HUGE then
            if encode_invalid == "off" then refuse("number", "must not be NaN or Inf") end
            if encode_invalid == "null" then return "null" end
            if value ~= value then return "nan" end
        end
        return format(number_format, value)
    end

    local function array_length(t)
        -- The length of an array, 0 for an object.
        local max, items = 0, 0
        for key in next, t do
            if type(key) ~= "number" or key < 1 or floor(key) ~= key then return 0 end
            if key > max then max = key end
            items = items + 1
        end
        if sparse_ratio > 0 and max > items * sparse_ratio and max > sparse_safe then
            if not sparse_convert then refuse("table", "excessively sparse array") end
            return 0
        end
        return max
    end

    local append

    local function append_table(out, t, depth)
        if depth > encode_depth then
            fail(entry_encode, "Cannot serialise, excessive nesting (" .. depth .. ")")
        end
        local length = array_length(t)
        if length > 0 then
            out[#out + 1] = "["
            for i = 1, length do
                if i > 1 then out[#out + 1] = "," end
                append(out, rawget(t, i), depth)
            end
            out[#out + 1] = "]"
            return
        end
        out[#out + 1] = "{"
        local is_first = true
        for key, value in next, t do
            local kind = type(key)
            local separator = is_first and "" or ","
            is_first = false
            if kind == "string" then
                out[#out + 1] = separator .. quote(key) .. ":"
            elseif kind == "number" then
                out[#out + 1] = separator .. '"' .. number_text(key) .. '":'
            else
                refuse(kind, "table key must be a number or string")
            end
            append(out, value, depth)
        end
        out[#out + 1] = "}"
    end

    function append(out, value, depth)
        local kind = type(value)
        if kind == "string" then
            out[#out + 1] = quote(value)
        elseif kind == "number" then
            out[#out + 1] = number_text(value)
        elseif kind == "table" then
            append_table(out, value, depth + 1)
        elseif kind == "boolean" then
            out[#out + 1] = value and "true" or "false"
        elseif value == nil or value == null then
            out[#out + 1] = "null"
        else
            refuse(kind, "type not supported")
        end
    end

    function entry_encode(...)
        if select("#", ...) ~= 1 then argument_error(entry_encode, 1, "expected 1 argument") end
        local value = ...
        if type(value) == "string" then return quote(value) end
        local out = {}
        append(out, value, 0)
        return concat(out)
    end

    -- Decoding.

    local entry_decode
    local text, depth
    local expectation -- of the error being described

    local function parse_error(expected, found, index)
        fail(entry_decode, "Expected " .. expected .. " but found " .. found .. " at character " .. index)
    end

    local function hex4(position)
        local digits = match(text, "^%x%x%x%x", position)
        return digits and tonumber(digits, 16)
    end

    local function unicode_escape(position)
        -- The character of an escape that begins at `position`, and where it ends; nil when it is invalid.
        local code = hex4(position + 2)
        if not code then return nil end
        if code < 0xD800 or code > 0xDFFF then return utf8(code), position + 6 end
        if code >= 0xDC00 or sub(text, position + 6, position + 7) ~= "\\u" then return nil end
        local low = hex4(position + 8)
        if not low or low < 0xDC00 or low > 0xDFFF then return nil end
        return utf8((code - 0xD800) * 1024 + (low - 0xDC00) + 0x10000), position + 12
    end

    local function long_string(position, expected)
        -- A string with escapes, from behind its quote on.
        local parts = {}
        while true do
            local stop = find(text, '["\\%z]', position)
            if not stop then parse_error(expected, "unexpected end of string", #text + 1) end
            parts[#parts + 1] = sub(text, position, stop - 1)
            local code = byte(text, stop)
            if code == 34 then return concat(parts), stop + 1 end
            if code == 0 then parse_error(expected, "unexpected end of string", stop) end
            local escaped = byte(text, stop + 1)
            if escaped == 117 then
                local part, behind = unicode_escape(stop)
                if not part then parse_error(expected, "invalid unicode escape code", stop) end
                parts[#parts + 1], position = part, behind
            else
                local part = UNESCAPES[escaped]
                if not part then parse_error(expected, "invalid escape code", stop) end
                parts[#parts + 1], position = part, stop + 2
            end
        end
    end

    local function read_string(position, expected)
        local _, stop, plain = find(text, '^([^"\\%z]*)"', position)
        if stop then return plain, stop + 1 end
        return long_string(position, expected)
    end

    local function is_invalid_number(position)
        if byte(text, position) == 45 then position = position + 1 end
        local code = byte(text, position)
        if code == 48 then return find(text, "^[xX%d]", position + 1) ~= nil end
        if code == nil or code <= 57 then return code == 43 end
        local word = sub(text, position, position + 2):lower()
        return word == "inf" or word == "nan"
    end

    local function read_number(position, expected)
        local _, stop, digits = find(text, "^(-?%d+%.?%d*)", position)
        if stop and not find(text, "^[eExXpP]", stop + 1) then return tonumber(digits), stop + 1 end
        -- Exponents, hexadecimal and words, as strtod takes them.
        local value, length = parse_number(sub(text, position, position + 400))
        if length == 0 then parse_error(expected, "invalid number", position) end
        return value, position + length
    end

    local function found_at(position)
        -- What the tokenizer calls what stands there, for an error message, and where.
        local code = sub(text, position, position)
        if code == "" or code == "\0" then return "T_END" end
        if TOKENS[code] then return TOKENS[code] end
        if code == '"' then
            read_string(position + 1, expectation)
            return "T_STRING"
        end
        if code == "-" or find(code, "%d") then
            if not decode_invalid and is_invalid_number(position) then return "invalid number" end
            read_number(position, expectation)
            return "T_NUMBER"
        end
        if find(text, "^true", position) or find(text, "^false", position) then return "T_BOOLEAN" end
        if find(text, "^null", position) then return "T_NULL" end
        if decode_invalid and is_invalid_number(position) then return "T_NUMBER" end
        return "invalid token"
    end

    local function unexpected(expected, position)
        expectation = expected
        parse_error(expected, found_at(position), position)
    end

    local read_value

    local function descend(position)
        depth = depth + 1
        if depth > decode_depth then
            local place = " at character " .. position - 1
            fail(entry_decode, "Found too many nested data structures (" .. depth .. ")" .. place)
        end
    end

    local function read_object(position)
        descend(position)
        local result = {}
        position = find(text, "[^ \t\r\n]", position) or #text + 1
        local code = byte(text, position)
        if code == 125 then
            depth = depth - 1
            return result, position + 1
        end
        while true do
            if code ~= 34 then unexpected("object key string", position) end
            local key, value
            key, position = read_string(position + 1, "object key string")
            position = find(text, "[^ \t\r\n]", position) or #text + 1
            if byte(text, position) ~= 58 then unexpected("colon", position) end
            value, position = read_value(position + 1)
            result[key] = value
            position = find(text, "[^ \t\r\n]", position) or #text + 1
            code = byte(text, position)
            if code == 125 then
                depth = depth - 1
                return result, position + 1
            end
            if code ~= 44 then unexpected("comma or object end", position) end
            position = find(text, "[^ \t\r\n]", position + 1) or #text + 1
            code = byte(text, position)
        end
    end

    local function read_array(position)
        descend(position)
        local result = {}
        position = find(text, "[^ \t\r\n]", position) or #text + 1
        if byte(text, position) == 93 then
            depth = depth - 1
            return result, position + 1
        end
        local i = 1
        while true do
            local value
            value, position = read_value(position)
            result[i] = value
            i = i + 1
            position = find(text, "[^ \t\r\n]", position) or #text + 1
            local code = byte(text, position)
            if code == 93 then
                depth = depth - 1
                return result, position + 1
            end
            if code ~= 44 then unexpected("comma or array end", position) end
            position = position + 1
        end
    end

    function read_value(position)
        position = find(text, "[^ \t\r\n]", position) or #text + 1
        local code = byte(text, position)
        if code == 34 then return read_string(position + 1, "value") end
        if code == 123 then return read_object(position + 1) end
        if code == 91 then return read_array(position + 1) end
        if code == nil then unexpected("value", position) end
        if code == 45 or (code >= 48 and code <= 57) then
            if not decode_invalid and is_invalid_number(position) then unexpected("value", position) end
            return read_number(position, "value")
        end
        if find(text, "^true", position) then return true, position + 4 end
        if find(text, "^false", position) then return false, position + 5 end
        if find(text, "^null", position) then return null, position + 4 end
        if decode_invalid and is_invalid_number(position) then
            return read_number(position, "value")
        end
        unexpected("value", position)
    end

    function entry_decode(...)
        local count = select("#", ...)
        if count ~= 1 then argument_error(entry_decode, 1, "expected 1 argument") end
        local source = ...
        if type(source) ~= "string" then
            if type(source) ~= "number" then type_error(entry_decode, 1, "string", count, source) end
            source = tostring(source)
        end
        if #source >= 2 and (byte(source, 1) == 0 or byte(source, 2) == 0) then
            fail(entry_decode, "JSON parser does not support UTF-16 or UTF-32")
        end
        text, depth = source, 0
        local value, position = read_value(1)
        position = find(text, "[^ \t\r\n]", position) or #text + 1
        if position <= #text and byte(text, position) ~= 0 then unexpected("the end", position) end
        text = nil
        return value
    end

    -- Options: each returns its setting, after changing it when told to.

    local function check_count(entry, allowed, count)
        if count > allowed then argument_error(entry, allowed + 1, "found too many arguments") end
    end

    local function integer_option(entry, number, count, value, min, max)
        local n = tonumber(value)
        if n == nil then type_error(entry, number, "number", count, value) end
        n = n >= 0 and floor(n) or -floor(-n)
        if n < min or n > max then
            argument_error(entry, number, format("expected integer between %d and %d", min, max))
        end
        return n
    end

    local function switch_option(entry, number, count, value, words)
        if type(value) == "boolean" then return value and "on" or "off" end
        if type(value) ~= "string" and type(value) ~= "number" then
            type_error(entry, number, "string", count, value)
        end
        value = tostring(value)
        if not words[value] then argument_error(entry, number, "invalid option '" .. value .. "'") end
        return value
    end

    local ON_OFF = { on = true, off = true }
    local ON_OFF_NULL = { on = true, off = true, null = true }

    function cjson.encode_sparse_array(...)
        local entry, count = cjson.encode_sparse_array, select("#", ...)
        check_count(entry, 3, count)
        local convert, ratio, safe = ...
        if convert ~= nil then sparse_convert = switch_option(entry, 1, count, convert, ON_OFF) == "on" end
        if ratio ~= nil then sparse_ratio = integer_option(entry, 2, count, ratio, 0, 2147483647) end
        if safe ~= nil then sparse_safe = integer_option(entry, 3, count, safe, 0, 2147483647) end
        return sparse_convert, sparse_ratio, sparse_safe
    end

    function cjson.encode_max_depth(...)
        local entry, count = cjson.encode_max_depth, select("#", ...)
        check_count(entry, 1, count)
        local value = ...
        if value ~= nil then encode_depth = integer_option(entry, 1, count, value, 1, 2147483647) end
        return encode_depth
    end

    function cjson.decode_max_depth(...)
        local entry, count = cjson.decode_max_depth, select("#", ...)
        check_count(entry, 1, count)
        local value = ...
        if value ~= nil then decode_depth = integer_option(entry, 1, count, value, 1, 2147483647) end
        return decode_depth
    end

    function cjson.encode_number_precision(...)
        local entry, count = cjson.encode_number_precision, select("#", ...)
        check_count(entry, 1, count)
        local value = ...
        if value ~= nil then
            precision = integer_option(entry, 1, count, value, 1, 14)
            number_format = "%." .. precision .. "g"
        end
        return precision
    end

    function cjson.encode_keep_buffer(...)
        local entry, count = cjson.encode_keep_buffer, select("#", ...)
        check_count(entry, 1, count)
        local value = ...
        if value ~= nil then keep_buffer = switch_option(entry, 1, count, value, ON_OFF) == "on" end
        return keep_buffer
    end

    function cjson.encode_invalid_numbers(...)
        local entry, count = cjson.encode_invalid_numbers, select("#", ...)
        check_count(entry, 1, count)
        local value = ...
        if value ~= nil then encode_invalid = switch_option(entry, 1, count, value, ON_OFF_NULL) end
        if encode_invalid == "null" then return "null" end
        return encode_invalid == "on"
    end

    function cjson.decode_invalid_numbers(...)
        local entry, count = cjson.decode_invalid_numbers, select("#", ...)
        check_count(entry, 1, count)
        local value = ...
        if value ~= nil then decode_invalid = switch_option(entry, 1, count, value, ON_OFF) == "on" end
        return decode_invalid
    end

    cjson.encode, cjson.decode = entry_encode, entry_decode
    cjson.new = function() return make() end
    cjson.null, cjson._NAME, cjson._VERSION = null, "cjson", "2.1.0"
    return cjson
end

return make()
