"""The numbers of the RDB format, under Redis's names.

A file is `REDIS` and four digits of version, then records, each begun by a byte: a type followed by key and value,
or an opcode; the last is `EOF`, with the checksum of everything before.
"""

from __future__ import annotations

from typing import Final

from mypy_extensions import i64

MAGIC: Final = b"REDIS"
NEWEST_VERSION: Final = 12
"""What Redis 7.4 writes, and the highest that we read."""

PLAIN_VERSION: Final = 10
"""What we write as long as no hash field has a deadline: the version of Redis 7.0."""

FIELD_TTL_VERSION: Final = 12

CHECKSUM_VERSION: Final = 5
"""The first version that ends with a checksum."""

# Types of values.
STRING: Final[i64] = 0
LIST: Final[i64] = 1
SET: Final[i64] = 2
ZSET: Final[i64] = 3
HASH: Final[i64] = 4
ZSET_2: Final[i64] = 5
MODULE_PRE_GA: Final[i64] = 6
MODULE_2: Final[i64] = 7
HASH_ZIPMAP: Final[i64] = 9
LIST_ZIPLIST: Final[i64] = 10
SET_INTSET: Final[i64] = 11
ZSET_ZIPLIST: Final[i64] = 12
HASH_ZIPLIST: Final[i64] = 13
LIST_QUICKLIST: Final[i64] = 14
STREAM_LISTPACKS: Final[i64] = 15
HASH_LISTPACK: Final[i64] = 16
ZSET_LISTPACK: Final[i64] = 17
LIST_QUICKLIST_2: Final[i64] = 18
STREAM_LISTPACKS_2: Final[i64] = 19
SET_LISTPACK: Final[i64] = 20
STREAM_LISTPACKS_3: Final[i64] = 21
HASH_METADATA_PRE_GA: Final[i64] = 22
HASH_LISTPACK_EX_PRE_GA: Final[i64] = 23
HASH_METADATA: Final[i64] = 24
HASH_LISTPACK_EX: Final[i64] = 25
HIGHEST_TYPE: Final[i64] = 25

# Opcodes.
SLOT_INFO: Final[i64] = 244
FUNCTION_2: Final[i64] = 245
FUNCTION_PRE_GA: Final[i64] = 246
MODULE_AUX: Final[i64] = 247
IDLE: Final[i64] = 248
FREQ: Final[i64] = 249
AUX: Final[i64] = 250
RESIZE_DB: Final[i64] = 251
EXPIRE_TIME_MS: Final[i64] = 252
EXPIRE_TIME: Final[i64] = 253
SELECT_DB: Final[i64] = 254
EOF: Final[i64] = 255

# Lengths: the two highest bits of the first byte, or all of it.
LENGTH_32: Final[i64] = 0x80
LENGTH_64: Final[i64] = 0x81

# Strings in place of whose length stands how they are encoded.
INT_8: Final[i64] = 0xC0
INT_16: Final[i64] = 0xC1
INT_32: Final[i64] = 0xC2
LZF: Final[i64] = 0xC3

# Nodes of a quicklist.
PLAIN_NODE: Final[i64] = 1
PACKED_NODE: Final[i64] = 2

# Parts of a module's value.
MODULE_EOF: Final[i64] = 0
MODULE_SINT: Final[i64] = 1
MODULE_UINT: Final[i64] = 2
MODULE_FLOAT: Final[i64] = 3
MODULE_DOUBLE: Final[i64] = 4
MODULE_STRING: Final[i64] = 5

# Scores of the first zset format: the length of a text, or one of these.
SCORE_NAN: Final[i64] = 253
SCORE_INF: Final[i64] = 254
SCORE_MINUS_INF: Final[i64] = 255
