"""The sorted set: unique members, each with a score, in order of score and then of the member's bytes.

A small set is one bytes object (`packed_scores`), a large one a `ScoreIndex`; which of them, a set decides
by its own limits and never goes back. What OBJECT ENCODING says follows the limits of the configuration
instead, as in Redis: a set is a `listpack` until it once held more members, or a longer one, than those
allowed.

Ranks count from 0 at the lowest score. Ranges of ranks are given as for a slice, `start` <= `stop` <=
`size()`. Ranges of scores and of members turn into ranges of ranks first: O(log n) each, so a LIMIT skips
at no cost.
"""

from __future__ import annotations

from typing import Final

from librt.vecs import append, vec
from mypy_extensions import i16, i64, mypyc_attr

from pyredis.datatypes import packed_scores
from pyredis.datatypes.digest import Digest
from pyredis.datatypes.footprint import instance_size, size_of
from pyredis.datatypes.score_index import ScoreIndex, in_order
from pyredis.datatypes.value import Value

UNCHANGED: Final[i64] = 0
ADDED: Final[i64] = 1
UPDATED: Final[i64] = 2

NOT_THERE: Final[i64] = -1


class LexRange:
    """A range of members, from `-` or `[a` or `(a` to `+` or `[z` or `(z`."""

    def __init__(self) -> None:
        self.low: bytes = b""
        self.is_low_exclusive: bool = False
        self.has_low: bool = False
        self.high: bytes = b""
        self.is_high_exclusive: bool = False
        self.has_high: bool = False
        # From `+`, or to `-`, or the wrong way round: nothing can fit.
        self.is_empty: bool = False

    def is_above_low(self, member: bytes) -> bool:
        """Whether a member is high enough."""
        if not self.has_low:
            return True
        return member > self.low if self.is_low_exclusive else member >= self.low

    def is_below_high(self, member: bytes) -> bool:
        """Whether a member is low enough."""
        if not self.has_high:
            return True
        return member < self.high if self.is_high_exclusive else member <= self.high


@mypyc_attr(acyclic=True)
class SortedSet(Value):
    """See the module's text. An empty one may exist only between two lines of a command."""

    def __init__(self) -> None:
        self.packed: bytes = b""
        self.index: ScoreIndex | None = None
        self.packed_count: i16 = 0
        self.is_listpack: bool = True

    def type_name(self) -> bytes:
        """The name that TYPE answers."""
        return b"zset"

    def encoding(self) -> bytes:
        """The name that OBJECT ENCODING answers."""
        return b"listpack" if self.is_listpack else b"skiplist"

    def size(self) -> int:
        """How many members there are. O(1)."""
        index = self.index
        return i64(self.packed_count) if index is None else index.size

    def memory_usage(self, samples: int) -> int:
        """About how many bytes it takes. O(samples), and one step for some hundred members."""
        total = instance_size(self) + size_of(self.packed)
        return total if self.index is None else total + self.index.memory_usage(samples)

    def copy(self) -> SortedSet:
        """An independent copy; O(1) for a small set, O(n) for a large one."""
        other = SortedSet()
        other.packed = self.packed
        other.packed_count = self.packed_count
        other.is_listpack = self.is_listpack
        if self.index is not None:
            other.index = self.index.copy()
        return other

    # Members.

    def score(self, member: bytes) -> float | None:
        """The score of a member, or None. O(1), small sets O(n)."""
        index = self.index
        if index is not None:
            known: float | None = index.table.get(member)
            return known
        place = packed_scores.find(self.packed, member)
        return None if place < 0 else packed_scores.score_at(self.packed, place)

    def put(self, member: bytes, score: float, max_entries: i64, max_value: i64) -> i64:
        """Gives a member a score; answers ADDED, UPDATED or UNCHANGED. O(log n).

        `max_entries` and `max_value` are the configured limits of a listpack. A listpack loses the sign of -0.
        """
        index = self.index
        if index is None:
            return self._put_packed(member, score, max_entries, max_value)
        known: float | None = index.table.get(member)
        if self.is_listpack:
            if known is None and (index.size >= max_entries or i64(len(member)) > max_value):
                self.is_listpack = False
            else:
                score += 0.0
        if known is None:
            index.insert(member, score)
            return ADDED
        if known == score:
            return UNCHANGED
        index.update(member, known, score)
        return UPDATED

    def _put_packed(self, member: bytes, score: float, max_entries: i64, max_value: i64) -> i64:
        packed = self.packed
        length: i64 = len(member)
        place = packed_scores.find(packed, member)
        if place >= 0:
            if packed_scores.score_at(packed, place) == score:
                return UNCHANGED
            self.packed = packed_scores.move(packed, place, score + 0.0, member)
            return UPDATED
        count = i64(self.packed_count) + 1
        if count > max_entries or length > max_value:
            self.is_listpack = False
        if not self.is_listpack or count > packed_scores.MAX_ENTRIES or length > packed_scores.MAX_MEMBER:
            self._unpack().insert(member, score)
        else:
            score += 0.0
            self.packed = packed_scores.insert(
                packed, packed_scores.place_of(packed, score, member), score, member
            )
            self.packed_count += 1
        return ADDED

    def _unpack(self) -> ScoreIndex:
        """Turns a small set into a large one, for good."""
        index = ScoreIndex()
        count = i64(self.packed_count)
        index.fill(packed_scores.members(self.packed, 0, count), packed_scores.scores(self.packed, 0, count))
        self.index = index
        self.packed = b""
        self.packed_count = 0
        return index

    def leave_listpack(self) -> None:
        """Takes on the encoding of large sets, for good. O(n) for a small set."""
        self.is_listpack = False
        if self.index is None:
            self._unpack()

    def remove(self, member: bytes) -> bool:
        """Takes out a member; false when it is not there. O(log n)."""
        index = self.index
        if index is not None:
            return index.remove(member)
        place = packed_scores.find(self.packed, member)
        if place < 0:
            return False
        self.packed = packed_scores.remove(self.packed, place)
        self.packed_count -= 1
        return True

    def rank(self, member: bytes) -> i64:
        """How many members stand before a member, or NOT_THERE. O(log n)."""
        index = self.index
        if index is not None:
            known: float | None = index.table.get(member)
            return NOT_THERE if known is None else index.rank(member, known)
        place = packed_scores.find(self.packed, member)
        return NOT_THERE if place < 0 else packed_scores.rank_at(self.packed, place)

    # Ranges.

    def members(self, start: i64, stop: i64) -> list[bytes]:
        """The members of a range of ranks, in order."""
        index = self.index
        if index is not None:
            return index.members(start, stop)
        return packed_scores.members(self.packed, start, stop)

    def scores(self, start: i64, stop: i64) -> vec[float]:
        """The scores of a range of ranks, in order."""
        index = self.index
        if index is not None:
            return index.scores(start, stop)
        return packed_scores.scores(self.packed, start, stop)

    def remove_ranks(self, start: i64, stop: i64) -> None:
        """Takes out a range of ranks."""
        index = self.index
        if index is not None:
            index.remove_ranks(start, stop)
            return
        packed = self.packed
        begin = packed_scores.place_at(packed, start)
        end = begin + packed_scores.place_at(packed[begin:], stop - start)
        self.packed = packed[:begin] + packed[end:]
        self.packed_count -= i16(stop - start)

    def take_edge(self, from_max: bool) -> tuple[bytes, float]:
        """Takes out the first or the last member, of which there must be one; returns it with its score."""
        index = self.index
        if index is not None:
            return index.take_edge(from_max)
        rank = i64(self.packed_count) - 1 if from_max else i64(0)
        member = self.members(rank, rank + 1)[0]
        score = self.scores(rank, rank + 1)[0]
        self.remove_ranks(rank, rank + 1)
        return member, score

    def count_below(self, score: float, inclusive: bool) -> i64:
        """How many members have a lower score, or one not higher when `inclusive`: a rank. O(log n)."""
        index = self.index
        if index is not None:
            return index.count_below(score, inclusive)
        return packed_scores.count_below(self.packed, score, inclusive)

    # Ranges of members mean something only where all scores are equal. Redis answers elsewhere, too, and as to
    # a listpack it can be told how: it walks, from the first member that fits to the next that does not.

    def lex_start(self, lex: LexRange) -> i64:
        """The rank of the first member in a range, or `size()` when there is none."""
        index = self.index
        count: i64 = self.size()
        if lex.is_empty or count == 0:
            return count
        if index is not None:
            start = index.count_before(lex.low, lex.is_low_exclusive) if lex.has_low else i64(0)
            if start < count and lex.is_below_high(index.members(start, start + 1)[0]):
                return start
            return count
        members = self._members_spanning(lex)
        for rank, member in enumerate(members):
            if lex.is_above_low(member):
                return rank if lex.is_below_high(member) else count
        return count

    def lex_stop(self, start: i64, lex: LexRange) -> i64:
        """The rank behind the last member that fits, counted from one at `start`."""
        index = self.index
        if index is not None:
            if not lex.has_high:
                return index.size
            return max(start, index.count_before(lex.high, not lex.is_high_exclusive))
        for member in packed_scores.members(self.packed, start, i64(self.packed_count)):
            if not lex.is_below_high(member):
                break
            start += 1
        return start

    def lex_last(self, lex: LexRange) -> i64:
        """The rank of the last member in a range, or NOT_THERE."""
        index = self.index
        rank: i64 = self.size() - 1
        if lex.is_empty or rank < 0:
            return NOT_THERE
        if index is not None:
            if lex.has_high:
                rank = index.count_before(lex.high, not lex.is_high_exclusive) - 1
            if rank >= 0 and lex.is_above_low(index.members(rank, rank + 1)[0]):
                return rank
            return NOT_THERE
        members = self._members_spanning(lex)
        if not members:
            return NOT_THERE
        while rank >= 0:
            if lex.is_below_high(members[rank]):
                return rank if lex.is_above_low(members[rank]) else NOT_THERE
            rank -= 1
        return NOT_THERE

    def lex_bottom(self, last: i64, lex: LexRange) -> i64:
        """The rank of the first member that fits, going down from `last`; `last + 1` when none does."""
        index = self.index
        if index is not None:
            if not lex.has_low:
                return 0
            return min(last + 1, index.count_before(lex.low, lex.is_low_exclusive))
        members = packed_scores.members(self.packed, 0, last + 1)
        while last >= 0 and lex.is_above_low(members[last]):
            last -= 1
        return last + 1

    def _members_spanning(self, lex: LexRange) -> list[bytes]:
        """All members of a small set, or none where the first or the last one shows that nothing can fit."""
        members = packed_scores.members(self.packed, 0, i64(self.packed_count))
        if not lex.is_above_low(members[-1]) or not lex.is_below_high(members[0]):
            return []
        return members

    # Whole sets.

    def scan(self, cursor: int, count: int) -> tuple[int, list[bytes]]:
        """The next cursor and some members; 0 starts and 0 ends. A small set comes in one piece."""
        index = self.index
        if index is None or self.is_listpack:
            return 0, self.members(0, self.size())
        return index.table.scan(cursor, count)

    def pairs(self) -> dict[bytes, float]:
        """Every member with its score, in order. O(n)."""
        size = self.size()
        return dict(zip(self.members(0, size), self.scores(0, size), strict=True))

    def free_effort(self) -> int:
        """How many parts have to be freed one by one; a small set is one."""
        index = self.index
        return 1 if index is None else index.size

    def release(self, limit: int) -> bool:
        """Frees up to about `limit` members of a set that nobody needs any more; false when little is left."""
        index = self.index
        return index is not None and index.release(limit)

    def mix_digest(self, digest: Digest) -> None:
        """Mixes the contents into a digest, as DEBUG DIGEST does in Redis."""
        for member, score in self.pairs().items():
            entry = Digest()
            entry.mix(member)
            entry.mix(b"%.17g" % score)
            digest.add(entry.digest())

    def check(self) -> None:
        """Asserts the rules; O(n), for tests."""
        index = self.index
        if index is not None:
            assert self.packed == b""
            assert self.packed_count == 0
            index.check()
            return
        count = i64(self.packed_count)
        assert self.is_listpack
        assert 0 <= count <= packed_scores.MAX_ENTRIES
        assert packed_scores.place_at(self.packed, count) == len(self.packed)
        entries = list(zip(self.scores(0, count), self.members(0, count), strict=True))
        assert entries == sorted(set(entries))
        assert len({member for _, member in entries}) == count


def from_pairs(pairs: dict[bytes, float], max_entries: i64, max_value: i64) -> SortedSet:
    """A set of these members with these scores. O(n log n)."""
    members, scores = in_order(pairs.items())
    return from_entries(members, scores, max_entries, max_value)


def from_entries(members: list[bytes], scores: vec[float], max_entries: i64, max_value: i64) -> SortedSet:
    """A set of entries that are in order. O(n)."""
    zset = SortedSet()
    count: i64 = len(members)
    longest: i64 = 0
    for member in members:
        longest = max(longest, i64(len(member)))
    zset.is_listpack = count <= max_entries and longest <= max_value
    if zset.is_listpack:
        scores = without_minus_zero(scores)
    if zset.is_listpack and count <= packed_scores.MAX_ENTRIES and longest <= packed_scores.MAX_MEMBER:
        zset.packed = packed_scores.pack(members, scores)
        zset.packed_count = i16(count)
    else:
        index = ScoreIndex()
        index.fill(members, scores)
        zset.index = index
    return zset


def without_minus_zero(scores: vec[float]) -> vec[float]:
    """The scores as a listpack keeps them, which reads -0 as an integer."""
    kept = vec[float](capacity=len(scores))
    for score in scores:
        kept = append(kept, score + 0.0)
    return kept
