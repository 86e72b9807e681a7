#!/usr/bin/env python3
"""A second reader of recordings, written from RECORDING.md: counts the events of each kind.

    second_reader.py RECORDING.md DIRECTORY
"""
import collections
import os
import re
import struct
import sys

MASK = (1 << 64) - 1
TABLE = []
for byte in range(256):
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    TABLE.append(byte)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283


def zigzag(value):
    return value >> 1 ^ -(value & 1)


def kinds(page):
    """The table of kinds: number to (name, has series, list of types)."""
    result = {}
    for line in open(page, encoding="utf-8"):
        row = re.match(r"\| (\d+) \| (\w+) \| (\w*) \| `(.*)` \|$", line)
        if row:
            types = [word.rpartition(":")[2] for word in row[4].split()]
            result[int(row[1])] = (row[2], row[3] == "series", types)
    return result


class Block:
    def __init__(self, data, first, kinds, version):
        self.data, self.at, self.seq, self.kinds, self.version = data, 0, first, kinds, version
        self.previous, self.masks, self.now, self.texts = {}, {}, 0, bytearray()

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        value, shift = 0, 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def signed(self):
        return zigzag(self.varint())

    def difference(self):
        code = self.varint()
        if code & 1:
            return -(code >> 2) if code & 2 else zigzag(code >> 2) * 4096
        return code >> 1 if code else self.signed()

    def number(self):
        if self.count % 8 == 0:
            group = self.count // 8
            self.mask = self.known[group] if self.kept else self.byte()
            if group < 6:
                self.known[group] = self.mask
        if self.mask >> self.count % 8 & 1:
            value = (self.slot[self.count] if self.count < 48 else 0) + self.difference()
            if self.count < 48:
                self.slot[self.count] = value & MASK
        self.count += 1

    def text(self):
        count = self.varint()
        if self.version == 1:
            self.at += count
            return
        end = len(self.texts) + count
        while len(self.texts) < end:
            token = self.byte()
            literals = token >> 4
            if literals == 15:
                literals += self.varint()
            self.texts += self.data[self.at : self.at + literals]
            self.at += literals
            if len(self.texts) == end:
                break
            start = len(self.texts) - self.varint()
            assert start >= 0
            length = (token & 15) + 4
            if token & 15 == 15:
                length += self.byte()
            for place in range(start, start + length):
                self.texts.append(self.texts[place])
        assert len(self.texts) == end

    def fields(self, types):
        at = 0
        while at < len(types):
            kind = types[at]
            if kind in "ncb":
                for _ in range(1 if kind == "n" else 2):
                    self.number()
            elif kind == "t":
                self.text()
            elif kind == "h":
                self.byte()
                for _ in range(self.byte()):
                    self.varint()
            else:
                end, depth = at + 1, 1
                while depth:
                    depth += (types[end] in "[(") - (types[end] in "])")
                    end += 1
                for _ in range(self.varint() if kind == "[" else self.byte()):
                    self.fields(types[at + 1 : end - 1])
                at = end - 1
            at += 1

    def events(self):
        while self.at < len(self.data):
            number = self.byte()
            kind = number & (0x7F if self.version == 1 else 0x3F)
            if self.version > 1 and kind >= 62:
                kind += 2
            self.kept = self.version > 1 and number & 0x40
            name, series, types = self.kinds[kind]
            key = (kind, self.byte() if series else 0)
            if number & 0x80:
                self.now = (self.now + (self.signed() if self.version == 1 else self.difference())) & MASK
            self.slot, self.count = self.previous.setdefault(key, [0] * 48), 0
            self.known = self.masks.setdefault(key, [0] * 6)
            self.fields(types)
            assert self.at <= len(self.data)
            yield name, self.seq, self.now
            self.seq += name != "snapshot"


def pages(data, header):
    """The segment's pages in order: (first seq, flags, bytes of events)."""
    size = header["page"]

    def page(unit):
        start = unit * size
        if data[start : start + 4] != b"IQPG":
            return None
        crc, generation, index, rewrite, first, _, used, flags = struct.unpack_from("<IQIIQIIH", data, start + 4)
        (recording,) = struct.unpack_from("<Q", data, start + 48)
        if used > size - 64 or crc32c(data[start + 8 : start + 64 + used]) != crc:
            return None
        if (generation, recording) != (header["generation"], header["recording"]):
            return None
        return index, rewrite, flags, first, data[start + 64 : start + 64 + used]

    tails = [found for found in (page(1), page(2)) if found and found[2] & 16]
    for index in range(header["segment"] // size - 3):
        found = page(3 + index)
        if not (found and found[0] == index and not found[2] & 16):
            here = [tail for tail in tails if tail[0] == index]
            found = max(here, key=lambda tail: tail[1]) if here else None
        if found:
            yield found[3], found[2], found[4]


def header(data):
    for start in (0, 2048):
        copy = data[start : start + 512]
        if copy[:8] == b"inquest\n" and struct.unpack_from("<I", copy, 8)[0] == crc32c(copy[12:]):
            version, needed, page, segment, generation, recording = struct.unpack_from("<HHIQQQ", copy, 16)
            if needed > 3:
                sys.exit("the recording needs a newer reader")
            return {"version": version, "page": page, "segment": segment, "generation": generation, "recording": recording}
    return None


def main(page, directory):
    known, found = kinds(page), {}
    for name in os.listdir(directory):
        if re.match(r"segment-[0-9a-f]{16}\.inq$", name):
            data = open(os.path.join(directory, name), "rb").read()
            head = header(data)
            if head:
                found[head["generation"]] = (head, data)
    counts, total, last, parts = collections.Counter(), 0, 0, b""
    for _, (head, data) in sorted(found.items()):
        for first, flags, events in pages(data, head):
            parts = parts + events if flags & 1 else events
            if flags & 2:
                continue
            for name, seq, now in Block(parts, first, known, head["version"]).events():
                if name == "snapshot" or seq <= last:
                    continue
                last = seq
                counts[name] += 1
                total = (total + seq * (now | 1)) & MASK
    for line in sorted(f"{name} {count}" for name, count in counts.items()):
        print(line)
    print(f"sum {total}")


main(*sys.argv[1:])
