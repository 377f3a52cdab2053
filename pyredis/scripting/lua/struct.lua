-- struct: C structures as strings, after Roberto Ierusalimschy's library 0.2.
--
-- Integers wider than 8 bytes have zeros above; bytes that a double cannot hold are lost, as in C.

local internals = ...
local fail, argument_error, type_error = internals.fail, internals.argument_error, internals.type_error
local byte, char, find, rep, sub = string.byte, string.char, string.find, string.rep, string.sub
local concat, floor, ceil, tonumber, tostring, type, select, unpack =
    table.concat, math.floor, math.ceil, tonumber, tostring, type, select, unpack
local natives = internals.natives
local bit_band = natives.bit_band
local write_integer, read_integer, write_float, read_float =
    natives.write_integer, natives.read_integer, natives.write_float, natives.read_float

local SIZES = { B = 1, b = 1, H = 2, h = 2, L = 8, l = 8, T = 8, f = 4, d = 8, x = 1 }
local INTEGER = "[bBhHlLTiI]"
local SIZE_MAX, ALIGN_MAX, INT_MAX = 32, 8, 2147483647

local function reader(entry, layout)
    -- Walks over a format; `next_option` returns the option, its size and the alignment of the moment.
    local position, align, little = 1, 1, true

    local function number(default)
        if not find(layout, "^%d", position) then return default end
        local value = 0
        while find(layout, "^%d", position) do
            local digit = byte(layout, position) - 48
            if value > INT_MAX / 10 or value * 10 > INT_MAX - digit then fail(entry, "integral size overflow") end
            value = value * 10 + digit
            position = position + 1
        end
        return value
    end

    local function size_of(option)
        if option == "c" then return number(1) end
        if option == "i" or option == "I" then
            local size = number(4)
            if size > SIZE_MAX then
                fail(entry, "integral size " .. size .. " is larger than limit of " .. SIZE_MAX)
            end
            return size
        end
        return SIZES[option] or 0
    end

    local function control(option)
        if option == ">" then little = false
        elseif option == "<" then little = true
        elseif option == "!" then
            local value = number(ALIGN_MAX)
            local power = value > 0
            local half = value
            while half > 1 do
                if half % 2 ~= 0 then power = false end
                half = floor(half / 2)
            end
            if not power then fail(entry, "alignment " .. value .. " is not a power of 2") end
            align = value
        elseif option ~= " " then
            argument_error(entry, 1, "invalid format option '" .. option .. "'")
        end
    end

    local function next_option(total)
        local option = sub(layout, position, position)
        if option == "" or option == "\0" then return nil end
        position = position + 1
        local size, padding = size_of(option), 0
        if size > 0 and option ~= "c" then
            local unit = size > align and align or size
            -- As in C, which takes every size for a power of two here.
            padding = bit_band(unit - bit_band(total, unit - 1), unit - 1)
        end
        return option, size, padding
    end

    return next_option, control, function() return little end
end

local function check_number(entry, number, count, value)
    local n = tonumber(value)
    if n == nil or (type(value) ~= "number" and type(value) ~= "string") then
        type_error(entry, number, "number", count + 1, value)
    end
    return n
end

local function check_text(entry, number, count, value)
    if type(value) ~= "string" and type(value) ~= "number" then type_error(entry, number, "string", count, value) end
    return tostring(value)
end

local function pack(...)
    local count = select("#", ...)
    local layout = check_text(pack, 1, count, (...))
    local values, argument, out, total = { ... }, 2, {}, 0
    local next_option, control, is_little = reader(pack, layout)
    local option, size, padding = next_option(total)
    while option do
        total = total + padding
        if padding > 0 then out[#out + 1] = rep("\0", padding) end
        if find(option, INTEGER) then
            local value = check_number(pack, argument, count, values[argument])
            argument = argument + 1
            out[#out + 1] = write_integer(value, size, is_little())
        elseif option == "x" then
            out[#out + 1] = "\0"
        elseif option == "f" or option == "d" then
            local value = check_number(pack, argument, count, values[argument])
            argument = argument + 1
            out[#out + 1] = write_float(value, size, is_little())
        elseif option == "c" or option == "s" then
            local text = check_text(pack, argument, count + 1, values[argument])
            argument = argument + 1
            if size == 0 then size = #text end
            if #text < size then argument_error(pack, argument, "string too short") end
            out[#out + 1] = sub(text, 1, size)
            if option == "s" then
                out[#out + 1] = "\0"
                size = size + 1
            end
        else
            control(option)
        end
        total = total + size
        option, size, padding = next_option(total)
    end
    return concat(out)
end

local function struct_unpack(...)
    local count = select("#", ...)
    local first, second, third = ...
    local layout = check_text(struct_unpack, 1, count, first)
    local data = check_text(struct_unpack, 2, count, second)
    local offset = third == nil and 1 or check_number(struct_unpack, 3, count, third)
    offset = offset >= 0 and floor(offset) or ceil(offset)
    if offset == 0 then argument_error(struct_unpack, 3, "offset must be 1 or greater") end
    local length, position, results, found = #data, offset - 1, {}, 0
    local next_option, control, is_little = reader(struct_unpack, layout)
    local option, size, padding = next_option(position)
    while option do
        -- In C a negative position is a very large one.
        if position < 0 or size > length or position + padding > length - size then
            argument_error(struct_unpack, 2, "data string too short")
        end
        position = position + padding
        if find(option, INTEGER) then
            found = found + 1
            local signed = find(option, "%l") ~= nil
            results[found] = read_integer(sub(data, position + 1, position + size), signed, is_little())
        elseif option == "f" or option == "d" then
            found = found + 1
            results[found] = read_float(sub(data, position + 1, position + size), is_little())
        elseif option == "c" then
            if size == 0 then
                local previous = results[found]
                if found == 0 or tonumber(previous) == nil then
                    fail(struct_unpack, "format 'c0' needs a previous size")
                end
                size = tonumber(previous)
                size = size >= 0 and floor(size) or length + 1
                found = found - 1
                if size > length or position > length - size then
                    argument_error(struct_unpack, 2, "data string too short")
                end
            end
            found = found + 1
            results[found] = sub(data, position + 1, position + size)
        elseif option == "s" then
            local stop = find(data, "\0", position + 1, true)
            if not stop then fail(struct_unpack, "unfinished string in data") end
            size = stop - position
            found = found + 1
            results[found] = sub(data, position + 1, stop - 1)
        elseif option ~= "x" then
            control(option)
        end
        position = position + size
        option, size, padding = next_option(position)
    end
    results[found + 1] = position + 1
    return unpack(results, 1, found + 1)
end

local function struct_size(...)
    local layout = check_text(struct_size, 1, select("#", ...), (...))
    local next_option, control = reader(struct_size, layout)
    local total = 0
    local option, size, padding = next_option(total)
    while option do
        total = total + padding
        if option == "s" then
            argument_error(struct_size, 1, "option 's' has no fixed size")
        elseif option == "c" and size == 0 then
            argument_error(struct_size, 1, "option 'c0' has no fixed size")
        elseif not find(option, "%w") then
            control(option)
        end
        total = total + size
        option, size, padding = next_option(total)
    end
    return total
end

return { pack = pack, unpack = struct_unpack, size = struct_size }
