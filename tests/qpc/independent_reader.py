"""A reader of QPC files written only from the description of the format. It shares no code with `aic.qpc`.

`read(bytes)` gives what an open runtime takes from a file, and raises `Refused` for what it would refuse. Sections in
comments are those of the format description.
"""

import struct
import zlib


class Refused(Exception):
    """The file is not what the format describes."""


def need(condition, message):
    if not condition:
        raise Refused(message)


def unpack(layout, data, at):
    need(at >= 0 and at + struct.calcsize(layout) <= len(data), f"{layout} at {at} is outside {len(data)} bytes")
    return struct.unpack_from(layout, data, at)


# 1. Container


def read_segments(data):
    magic, _, _, compression, size, base, count, images = unpack("<IBBHQQQQ", data, 0)
    need(magic == 0x00A1CD7C, "magic")
    need(compression != 0, "pointer form")
    need(size == len(data), "size")
    segments = {}
    for index in range(count):
        length, static, name_at, start = unpack("<QQQQ", data, images - base + 32 * index)
        name_at, start = name_at - base, start - base
        end = data.index(b"\0", name_at)
        need(start + length <= len(data), "segment out of bounds")
        name = data[name_at:end].decode("ascii")
        segments.setdefault(name, (data[start : start + length], static, start))
    return segments


# 2. Network descriptor: protobuf wire format


def varint(data, at):
    value = shift = 0
    while True:
        need(at < len(data) and shift < 70, "varint")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def protobuf(data):
    """Field number -> list of raw values."""
    fields, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
        elif kind == 5:
            value, at = unpack("<I", data, at)[0], at + 4
        else:
            raise Refused(f"wire type {kind}")
        need(at <= len(data), "field out of bounds")
        fields.setdefault(key >> 3, []).append(value)
    return fields


def number(message, field):
    return message.get(field, [0])[-1]


def numbers(message, field):
    """A repeated number, packed or not."""
    values = []
    for raw in message.get(field, []):
        if isinstance(raw, int):
            values.append(raw)
            continue
        at = 0
        while at < len(raw):
            value, at = varint(raw, at)
            values.append(value)
    return values


TYPE_BYTES = [4, 2, 1, 1, 2, 4, 4, 8, 1]


def tensor(type_number, dims):
    need(type_number < len(TYPE_BYTES), "data type")
    size = TYPE_BYTES[type_number]
    for dim in dims:
        size *= max(dim, 1)
    return {"type": type_number, "dims": dims, "bytes": size}


def read_binding(raw, role):
    message = protobuf(raw)
    binding = {"name": message.get(1, [b""])[0].decode()}
    for key, field in (("initial", 2), ("transformed", 3)):
        inner = protobuf(message[field][0])
        binding[key] = tensor(number(inner, 1), numbers(inner, 4))
    need(len(message.get(4, [])) <= 1, "more than one transform")
    for raw_step in message.get(4, []):
        step = protobuf(raw_step)
        need(number(step, 1) == 6, "UNSUPPORTED: expected CopyDMABufferTransform")
        copied = tensor(number(step, 2), numbers(step, 5))
        copy = protobuf(step[9][0])
        binding["copy"] = {"dir": number(copy, 1), "offset": number(copy, 2), "buffer": number(copy, 3)}
        user = binding["initial"] if role == 0 else binding["transformed"]
        need(user["bytes"] == copied["bytes"], "byte counts")
        need(binding["copy"]["dir"] == role, "direction")
    return binding


def read_descriptor(data):
    message = protobuf(data)
    need(number(message, 1) == 9, "major version")
    buffers = [protobuf(raw) for raw in message.get(6, [])]
    descriptor = {
        "name": message.get(3, [b""])[0].decode(),
        "inputs": [read_binding(raw, 0) for raw in message.get(4, [])],
        "outputs": [read_binding(raw, 1) for raw in message.get(5, [])],
        "buffers": [(number(buffer, 1), number(buffer, 2)) for buffer in buffers],
        "cores": number(message, 7),
        "threads": number(message, 8),
        "thread_groups": numbers(message, 10),
        "thread_group_names": [raw.decode() for raw in message.get(13, [])],
        "batch": number(message, 14),
        "cluster_offsets": numbers(message, 17),
        "allowed_shapes": [
            [tensor(number(protobuf(s), 1), numbers(protobuf(s), 2)) for s in protobuf(raw).get(1, [])]
            for raw in message.get(18, [])
        ],
    }
    for binding in descriptor["inputs"] + descriptor["outputs"]:
        if "copy" in binding:
            need(binding["copy"]["buffer"] < len(buffers), "buffer_num")
    return descriptor


# 3. Metadata: ELF section, guard, flatbuffer


def read_sections(elf):
    header = unpack("<16sHHIIIIIHHHHHH", elf, 0)
    need(header[0][:6] == b"\x7fELF\x01\x01", "not ELF32 little endian")
    table, count, names_index = header[6], header[12], header[13]
    headers = [unpack("<IIIIIIIIII", elf, table + 40 * index) for index in range(count)]
    names = elf[headers[names_index][4] :]
    sections = {}
    for section in headers:
        name = names[section[0] : names.index(b"\0", section[0])].decode()
        sections[name] = (elf[section[4] : section[4] + section[5]], section)
    return header, sections


class Table:
    """A flatbuffer table; `field(id)` is the position of a field or None."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.vtable = at - unpack("<i", data, at)[0]
        self.fields = (unpack("<H", data, self.vtable)[0] - 4) // 2
        need(at % 4 == 0, "table alignment")

    def field(self, index):
        if index >= self.fields:
            return None
        where = unpack("<H", self.data, self.vtable + 4 + 2 * index)[0]
        return self.at + where if where else None

    def scalar(self, index, code):
        where = self.field(index)
        need(where is not None, f"field {index}: defaults are forced in")
        need(where % struct.calcsize(code) == 0, "alignment")
        return unpack("<" + code, self.data, where)[0]

    def target(self, index):
        where = self.field(index)
        return None if where is None else where + unpack("<I", self.data, where)[0]

    def table(self, index):
        return Table(self.data, self.target(index))

    def vector(self, index):
        """Positions of the elements' start and their count."""
        at = self.target(index)
        if at is None:
            return 0, 0
        count = unpack("<I", self.data, at)[0]
        need(at + 4 + count <= len(self.data), "vector")
        return at + 4, count

    def octets(self, index):
        start, count = self.vector(index)
        return self.data[start : start + count]

    def string(self, index):
        start, count = self.vector(index)
        need(self.data[start + count] == 0, "string end")
        return self.data[start : start + count].decode()

    def scalars(self, index, code):
        start, count = self.vector(index)
        return list(unpack(f"<{count}{code}", self.data, start))

    def tables(self, index):
        start, count = self.vector(index)
        places = [start + 4 * i for i in range(count)]
        return [Table(self.data, place + unpack("<I", self.data, place)[0]) for place in places]

    def strings(self, index):
        start, count = self.vector(index)
        texts = []
        for i in range(count):
            at = start + 4 * i
            at += unpack("<I", self.data, at)[0]
            length = unpack("<I", self.data, at)[0]
            texts.append(self.data[at + 4 : at + 4 + length].decode())
        return texts


def columns(table, codes):
    """The scalars of a table: code letters in the order of the ids, `.` = not a scalar."""
    return tuple(table.scalar(index, code) for index, code in enumerate(codes) if code != ".")


SCALARS = {
    11: "Q", 12: "Q", 13: "Q", 14: "Q", 15: "Q", 16: "I", 17: "I", 18: "H", 19: "H", 20: "H", 21: "B", 22: "B",
    23: "B", 24: "B", 25: "B", 26: "B", 27: "B", 28: "B", 29: "B", 30: "I", 31: "I", 32: "Q", 33: "Q", 38: "B",
}  # fmt: skip


def read_metadata(section):
    if unpack("<HHI", section, 0) == (1, 0, 0):
        section = section[8:]
    root = Table(section, unpack("<I", section, 0)[0])
    need(root.scalar(0, "H") == 1, "metadataflat is incompatible")
    required = root.strings(3)
    need(all(name.startswith("AicMetadataFlat_Metadata->") for name in required), "requiredFields")
    return {
        "name": root.string(2),
        "required": required,
        "semaphores": root.scalars(4, "I"),
        "l2tcm": root.octets(5),
        "requests": [
            {
                "semaphores": [columns(op, "HHBBBB") for op in request.tables(0)],
                "doorbells": [columns(op, "QIHB") for op in request.tables(1)],
                "fields": columns(request, "..QQIHHBBHI"),
            }
            for request in root.tables(6)
        ],
        "nsp_multicast": [[columns(entry, "QIIBB") for entry in nsp.tables(0)] for nsp in root.tables(7)],
        "host_multicast": [columns(entry, "II") for entry in root.table(8).tables(0)],
        "threads": [columns(thread, "QB") for thread in root.tables(9)],
        "mappings": [columns(mapping, "QII") for mapping in root.tables(10)],
        "scalars": {index: root.scalar(index, code) for index, code in SCALARS.items()},
        "constants_cache": columns(root.table(34), "b"),
        "ports": [unpack("<Hbx", section, root.vector(35)[0] + 4 * i) for i in range(root.vector(35)[1])],
        "exec_context": read_exec_context(root.octets(36)),
        "regions": [columns(region, "QQQ") for region in root.tables(37)],
        "heap_behavior": columns(root.table(39), "b"),
    }


def read_exec_context(data):
    if not data:
        return None
    root = Table(data, unpack("<I", data, 0)[0])
    return root.scalar(0, "I"), [columns(field, "IIQI") for field in root.tables(1)]


# 4. Constants


def read_constants(segments):
    descriptor = segments["constantsdesc.bin"][0]
    need(len(descriptor) == 24, "constantsdesc.bin")
    static, dynamic, static_ecc, dynamic_ecc = unpack("<QQBB", descriptor, 0)
    data, offset, start = segments.get("constants.bin", (b"", 0, 0))
    parts = (data[:offset], data[offset:]) if offset else (b"", data)
    need((static, dynamic) == tuple(map(len, parts)), "constants sizes")
    return {"static": parts[0], "dynamic": parts[1], "ecc": (static_ecc, dynamic_ecc), "start": start}


def read(data):
    """Everything that a runtime takes from a QPC."""
    segments = read_segments(data)
    for name in ("network.elf", "networkdesc.bin", "constantsdesc.bin"):
        need(name in segments, f"QPC missing required section: {name}")
    header, sections = read_sections(segments["network.elf"][0])
    metadata = read_metadata(sections["metadata"][0])
    descriptor = read_descriptor(segments["networkdesc.bin"][0])
    for request in metadata["requests"]:
        host_offset, _, size, buffer = request["fields"][:4]
        need(host_offset + size <= descriptor["buffers"][buffer][0], "request outside its DMA buffer")
        need(request["fields"][6] == descriptor["buffers"][buffer][1], "request against its DMA buffer's direction")
    return {
        "segments": segments,
        "machine": header[2],
        "entry": header[4],
        "sections": sections,
        "metadata": metadata,
        "descriptor": descriptor,
        "constants": read_constants(segments),
        "crcs": {name: unpack("<I", raw, 0)[0] for name, (raw, _, _) in segments.items() if name.endswith(".crc")},
    }


def crc32(data):
    """CRC-32 as zlib computes it."""
    return zlib.crc32(data)
