"""Which slots a sequence reads and writes. It knows no tokens and no positions.

A slot that the prefix index holds, or that a draft may have to be taken back to, is never written: the step writes to
another. A sequence that runs holds one slot that no other one holds, so with as many slots as sequences each can go on.
"""

from __future__ import annotations

from causerie.cache.blocks import BlockPool
from causerie.cache.lease import Lease
from causerie.cache.prefix import PrefixIndex


class Slots:
    """The slots of one cache; none where its `pool` is empty, and then leases have none."""

    def __init__(self, pool: BlockPool, index: PrefixIndex) -> None:
        self.pool = pool
        self._index = index

    def read(self, lease: Lease, slot: int) -> None:
        """A sequence goes on with a snapshot."""
        self.pool.share(slot)
        self._index.snapshots.touch(slot)
        lease.slot = slot

    def reserve(self, lease: Lease) -> bool:
        """Sets aside what the sequence's next step writes to: what it reads, where nobody else holds it. False where
        other sequences hold all slots."""
        if not self.pool.total:
            return True
        if lease.slot >= 0 and self._is_sole(lease.slot):
            self._write_to(lease, lease.slot)
        elif lease.written in (-1, lease.slot):
            if self.pool.available:
                lease.written = self.take()
            elif lease.slot >= 0 and self.pool.holders(lease.slot) == 1:  # and a snapshot, which has to go
                self._index.forget(lease.slot)
                self._write_to(lease, lease.slot)
            else:
                return False
        return True

    def set_apart(self, lease: Lease, may_take: bool) -> bool:
        """For a step that may have to be taken back: whether it writes to another slot than it reads. A new one is
        taken only where that is allowed."""
        if self.pool.total and lease.written == lease.slot:
            if not (may_take and self.pool.available):
                return False
            lease.written = self.take()
        return True

    def advance(self, lease: Lease) -> None:
        """The step has run, and what it wrote is what the sequence goes on with."""
        if lease.slot not in (-1, lease.written):
            self.pool.release(lease.slot)
        lease.slot = lease.written

    def release(self, lease: Lease) -> None:
        """Gives back what the lease holds."""
        for slot in {lease.slot, lease.written} - {-1}:
            self.pool.release(slot)
        lease.slot = lease.written = -1

    def _is_sole(self, slot: int) -> bool:
        return self.pool.holders(slot) == 1 and not self.pool.is_kept(slot)

    def _write_to(self, lease: Lease, slot: int) -> None:
        if lease.written not in (-1, slot):
            self.pool.release(lease.written)
        lease.written = slot

    def take(self) -> int:
        """One that nobody holds, or that a snapshot alone did; one must be available."""
        if not self.pool.free:
            slot = self._index.snapshots.oldest_idle()
            assert slot is not None, "a slot is idle that is no snapshot"
            self._index.forget(slot)
        return self.pool.allocate(1)[0]
