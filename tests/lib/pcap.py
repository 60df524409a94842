# SPDX-License-Identifier: BSD-2-Clause
"""Read a capture of IP packets, and find fault with it.

packets(path) yields Packet objects after checking lengths and checksums;
streams(path) puts TCP connections together and checks that numbers run on
without gap or overlap.
"""
import dataclasses
import socket
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


@dataclasses.dataclass
class Packet:
    time_ns: int
    protocol: int
    src: str
    dst: str
    sport: int = 0
    dport: int = 0
    seq: int = 0
    ack: int = 0
    flags: int = 0
    payload: bytes = b""


def need(condition, text):
    if not condition:
        raise AssertionError(text)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def transport(packet, pseudo, body):
    need(checksum(pseudo + body) == 0, f"checksum of {packet}")
    packet.sport, packet.dport = struct.unpack(">HH", body[:4])
    if packet.protocol == socket.IPPROTO_UDP:
        need(struct.unpack(">H", body[4:6])[0] == len(body), "UDP length")
        packet.payload = body[8:]
        return
    packet.seq, packet.ack, offset, packet.flags = struct.unpack(
        ">IIBB", body[4:14])
    packet.payload = body[(offset >> 4) * 4:]


def decode(time_ns, data):
    if data[0] >> 4 == 4:
        need(checksum(data[:20]) == 0, "IPv4 checksum")
        need(struct.unpack(">H", data[2:4])[0] == len(data), "IPv4 length")
        family, addresses, body = socket.AF_INET, data[12:20], data[20:]
        protocol = data[9]
    else:
        need(data[0] >> 4 == 6, "IP version")
        need(struct.unpack(">H", data[4:6])[0] == len(data) - 40,
             "IPv6 length")
        family, addresses, body = socket.AF_INET6, data[8:40], data[40:]
        protocol = data[6]
    half = len(addresses) // 2
    packet = Packet(time_ns, protocol,
                    socket.inet_ntop(family, addresses[:half]),
                    socket.inet_ntop(family, addresses[half:]), payload=body)
    if protocol in (socket.IPPROTO_TCP, socket.IPPROTO_UDP):
        transport(packet, addresses + struct.pack(">II", len(body), protocol),
                  body)
    return packet


def packets(path):
    with open(path, "rb") as f:
        data = f.read()
    need(len(data) >= 24, "no file header")
    magic, major, minor, _, _, _, link = struct.unpack("<IHHIIII", data[:24])
    need((magic, major, minor, link) == (0xa1b23c4d, 2, 4, 101), "file header")
    pos, last = 24, 0
    while pos < len(data):
        need(pos + 16 <= len(data), "cut off record header")
        sec, nsec, incl, orig = struct.unpack("<IIII", data[pos:pos + 16])
        need(nsec < 10 ** 9 and incl == orig, "record header")
        pos += 16
        need(pos + incl <= len(data), "cut off record")
        time_ns = sec * 10 ** 9 + nsec
        need(time_ns >= last, "time goes back")
        last = time_ns
        yield decode(time_ns, data[pos:pos + incl])
        pos += incl


class Side:
    def __init__(self):
        self.next, self.data, self.fin, self.rst = None, b"", False, False


def take_segment(sides, packet):
    """sides: of the sender and of the receiver."""
    mine, other = sides
    need(not mine.rst and not other.rst, f"{packet} behind a reset")
    if packet.flags & SYN:
        need(mine.next is None and not packet.payload, "a second SYN")
        mine.next = packet.seq
    need(packet.seq == mine.next, f"{packet}: expected {mine.next}")
    if packet.flags & ACK:
        need(packet.ack == other.next, f"{packet}: ack, not {other.next}")
    need(not (mine.fin and packet.payload), "data behind FIN")
    mine.data += packet.payload
    mine.next = (mine.next + len(packet.payload)
                 + bool(packet.flags & (SYN | FIN))) % 2 ** 32
    mine.fin |= bool(packet.flags & FIN)
    mine.rst |= bool(packet.flags & RST)


def streams(path):
    """{(client, server): (what went out, what came in, client, server)} with
    ends as (address, port); the client is who sent the first SYN."""
    found = {}
    for packet in packets(path):
        if packet.protocol != socket.IPPROTO_TCP:
            continue
        a, b = (packet.src, packet.sport), (packet.dst, packet.dport)
        if packet.flags & SYN and not packet.flags & ACK:
            need((a, b) not in found, f"{a} to {b} connects twice")
            found[a, b] = (Side(), Side())
        if (a, b) in found:
            take_segment(found[a, b], packet)
        else:
            need((b, a) in found, f"{packet} of no connection")
            sides = found[b, a]
            if packet.flags & RST and sides[1].next is None:
                sides[1].next = packet.seq
            take_segment((sides[1], sides[0]), packet)
    return found
