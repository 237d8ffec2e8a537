"""FarmHash Fingerprint64, which FARM_FINGERPRINT gives as an INT64. Source: google/farmhash, the `na` variant, whose values are fixed
for ever on every machine."""

from __future__ import annotations

MASK = 0xFFFFFFFFFFFFFFFF
K0, K1, K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def fingerprint(data: bytes) -> int:
    """The signed 64-bit fingerprint of some bytes."""
    size = len(data)
    if size <= 16:
        found = _up_to_16(data, size)
    elif size <= 32:
        found = _up_to_32(data, size)
    else:
        found = _up_to_64(data, size) if size <= 64 else _longer(data, size)
    return found - (1 << 64) if found >> 63 else found


def _read8(data: bytes, at: int) -> int:
    return int.from_bytes(data[at:at + 8], "little")


def _read4(data: bytes, at: int) -> int:
    return int.from_bytes(data[at:at + 4], "little")


def _turn(value: int, by: int) -> int:
    """Rotate right."""
    return (value >> by | value << (64 - by)) & MASK


def _mix(value: int) -> int:
    return value ^ value >> 47


def _pair(u: int, v: int, factor: int) -> int:
    a = _mix((u ^ v) * factor & MASK)
    return _mix((v ^ a) * factor & MASK) * factor & MASK


def _up_to_16(data: bytes, size: int) -> int:
    if size >= 8:
        factor = K2 + size * 2
        a, b = _read8(data, 0) + K2 & MASK, _read8(data, size - 8)
        c = _turn(b, 37) * factor + a & MASK
        d = (_turn(a, 25) + b) * factor & MASK
        return _pair(c, d, factor)
    if size >= 4:
        return _pair(size + (_read4(data, 0) << 3) & MASK, _read4(data, size - 4), K2 + size * 2)
    if size:
        y = data[0] + (data[size >> 1] << 8)
        z = size + (data[size - 1] << 2)
        return _mix(y * K2 & MASK ^ z * K0 & MASK) * K2 & MASK
    return K2


def _up_to_32(data: bytes, size: int) -> int:
    factor = K2 + size * 2
    a, b = _read8(data, 0) * K1 & MASK, _read8(data, 8)
    c, d = _read8(data, size - 8) * factor & MASK, _read8(data, size - 16) * K2 & MASK
    return _pair(_turn(a + b & MASK, 43) + _turn(c, 30) + d & MASK, a + _turn(b + K2 & MASK, 18) + c & MASK, factor)


def _up_to_64(data: bytes, size: int) -> int:
    factor = K2 + size * 2
    a, b = _read8(data, 0) * K2 & MASK, _read8(data, 8)
    c, d = _read8(data, size - 8) * factor & MASK, _read8(data, size - 16) * K2 & MASK
    y = _turn(a + b & MASK, 43) + _turn(c, 30) + d & MASK
    z = _pair(y, a + _turn(b + K2 & MASK, 18) + c & MASK, factor)
    e, f = _read8(data, 16) * factor & MASK, _read8(data, 24)
    g, h = (y + _read8(data, size - 32)) * factor & MASK, (z + _read8(data, size - 24)) * factor & MASK
    return _pair(_turn(e + f & MASK, 43) + _turn(g, 30) + h & MASK, e + _turn(f + a & MASK, 18) + g & MASK, factor)


def _weak(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_read8(data, at + step) for step in (0, 8, 16, 24))
    a = a + w & MASK
    b = _turn(b + a + z & MASK, 21)
    c = a
    a = a + x + y & MASK
    b = b + _turn(a, 44) & MASK
    return a + z & MASK, b + c & MASK


def _longer(data: bytes, size: int) -> int:
    x, y = 81, 81 * K1 + 113 & MASK
    z = _mix(y * K2 + 113 & MASK) * K2 & MASK
    v, w = (0, 0), (0, 0)
    x = x * K2 + _read8(data, 0) & MASK
    last = (size - 1) // 64 * 64
    tail = last + (size - 1 & 63) - 63

    def stir(at: int, factor: int, nine: int) -> None:
        nonlocal x, y, z, v, w
        x = _turn(x + y + v[0] + _read8(data, at + 8) & MASK, 37) * factor & MASK
        y = _turn(y + v[1] + _read8(data, at + 48) & MASK, 42) * factor & MASK
        x = x ^ w[1] * nine & MASK
        y = y + v[0] * nine + _read8(data, at + 40) & MASK
        z = _turn(z + w[0] & MASK, 33) * factor & MASK
        v = _weak(data, at, v[1] * factor & MASK, x + w[0] & MASK)
        w = _weak(data, at + 32, z + w[1] & MASK, y + _read8(data, at + 16) & MASK)
        z, x = x, z

    for at in range(0, last, 64):
        stir(at, K1, 1)
    factor = K1 + ((z & 0xFF) << 1) & MASK
    w = (w[0] + (size - 1 & 63) & MASK, w[1])
    v = (v[0] + w[0] & MASK, v[1])
    w = (w[0] + v[0] & MASK, w[1])
    stir(tail, factor, 9)
    return _pair(_pair(v[0], w[0], factor) + _mix(y) * K0 + z & MASK, _pair(v[1], w[1], factor) + x & MASK, factor)
