"""FARM_FINGERPRINT is FarmHash's Fingerprint64. The values are those that its other implementations publish."""

from __future__ import annotations

import math

import pytest

from flows.warehouse.farmhash import MASK, fingerprint


@pytest.mark.parametrize(("data", "expected"), [
    (b"abc", 2640714258260161385), (b"test", 8581389452482819506), (b"test" * 8, -4196240717365766262),
    (b"test" * 64, 3500507768004279527), (b"1footrue", -1541654101129638711), (b"2applefalse", 2794438866806483259),
    (b"3true", -4880158226897771312),
])
def test_published_values(data: bytes, expected: int) -> None:
    assert fingerprint(data) == expected


def test_every_length_up_to_3200_bytes() -> None:
    """The chain of 3,200 fingerprints whose end Guava's test of the same hash holds."""
    data, size, chain = bytearray(3200), 0, 0
    for i in range(800):
        for step in range(4):
            cube = (i ** 3 + 2 ** 31) % 2 ** 32 - 2 ** 31  # Java's int
            length = (i, i * i % max(size, 1), int(math.fmod(cube, max(size, 1))), size)[step]
            chain ^= fingerprint(bytes(data[:length])) & MASK
            chain ^= chain >> 41
            chain = chain * 949921979 & MASK
            data[size] = ord("a") + (chain & 0xFFFFF) % 26
            size += 1
        x0, x1, x2, x3 = data[size - 1], data[size - 2], data[size - 3], data[size // 2]
        data[((x0 << 16) + (x1 << 8) + x2) % size] ^= x3
        data[((x1 << 16) + (x2 << 8) + x3) % size] ^= i % 256
    assert chain == 0x7A1D67C50EC7E167
