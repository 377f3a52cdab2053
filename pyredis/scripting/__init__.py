"""Lua scripts and functions: the interpreter behind EVAL and FCALL, its sandbox and libraries.

`scripting.LuaScripting` is what an engine holds; nothing else here is for other packages. From the bottom:
`errors`, `natives` (functions of the libraries that are better written in Python), `replies` (RESP to Lua),
`calls` (what `redis.call` does), `interpreter` (one Lua state with its sandbox, written in `lua/*.lua`),
`suspension` (scripts that run longer than other clients shall wait), `scripts` and `functions`.
"""
