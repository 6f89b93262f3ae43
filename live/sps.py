"""Whether an H.264 stream's pictures come in the order they are shown, where its sequence parameter set says so.

Promises: reads what it must of the parameter set and no picture; what is not said, or cannot be read, is None and never
a guess. Source: ITU-T H.264, 7.3.2.1.1, E.1.1 and E.1.2 (syntax), 7.4.2.1.1 and E.2.1 (meaning). Not here: streams
that say nothing (`fitness.py` looks at their pictures).
"""

#: Profiles whose parameter sets tell of chroma and scaling.
_HIGH = (44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244)
_EXTENDED_ASPECT = 255
_ORDER_AS_SHOWN = 2


class _Bits:
    """Bits of a NAL unit, without its emulation prevention. Raises IndexError at the end."""

    def __init__(self, unit: bytes) -> None:
        self._data = unit.replace(b"\x00\x00\x03", b"\x00\x00")
        self._at = 0

    def take(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | (self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1)
            self._at += 1
        return value

    def golomb(self) -> int:
        """Unsigned Exp-Golomb (9.1)."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise IndexError
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        value = self.golomb()
        return (value + 1) // 2 if value & 1 else -(value // 2)

    def skip(self, golombs: int) -> None:
        for _ in range(golombs):
            self.golomb()


def reorders(sps: bytes) -> bool | None:
    """Whether pictures come in another order than they are shown, as the parameter set (a NAL unit) says; None when it
    says nothing."""
    try:
        return _read(_Bits(sps[1:]))
    except IndexError:
        return None


def _read(bits: _Bits) -> bool | None:
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    if profile in _HIGH:
        _skip_chroma(bits)
    bits.golomb()
    order = bits.golomb()
    if order == _ORDER_AS_SHOWN:
        return False
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1)
        bits.skip(2)
        bits.skip(bits.golomb())
    bits.golomb()
    bits.take(1)
    bits.skip(2)
    if not bits.take(1):
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        bits.skip(4)
    return _read_usability(bits) if bits.take(1) else None


def _read_usability(bits: _Bits) -> bool | None:
    """The video usability information, up to the depth of reordering."""
    if bits.take(1) and bits.take(8) == _EXTENDED_ASPECT:
        bits.take(32)
    if bits.take(1):
        bits.take(1)
    if bits.take(1):
        bits.take(4)
        if bits.take(1):
            bits.take(24)
    if bits.take(1):
        bits.skip(2)
    if bits.take(1):
        bits.take(65)
    has_hrd = False
    for _ in range(2):
        if bits.take(1):
            has_hrd = True
            _skip_hrd(bits)
    bits.take(2 if has_hrd else 1)
    if not bits.take(1):
        return None
    bits.take(1)
    bits.skip(4)
    return bits.golomb() > 0


def _skip_chroma(bits: _Bits) -> None:
    chroma = bits.golomb()
    if chroma == 3:
        bits.take(1)
    bits.skip(2)
    bits.take(1)
    if not bits.take(1):
        return
    for number in range(8 if chroma != 3 else 12):
        if bits.take(1):
            last = following = 8
            for _ in range(16 if number < 6 else 64):
                if following:
                    following = (last + bits.signed()) % 256
                last = following or last


def _skip_hrd(bits: _Bits) -> None:
    count = bits.golomb() + 1
    bits.take(8)
    for _ in range(count):
        bits.skip(2)
        bits.take(1)
    bits.take(20)
