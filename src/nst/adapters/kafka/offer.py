"""Capabilities of a broker, which it reports before authentication.
They are encryption, SASL mechanisms and the features of the cluster. librdkafka asks for all of
them and exposes none.

Source of the messages: https://kafka.apache.org/protocol.html, ApiVersions (version 3) and
SaslHandshake (version 1), both of which a broker answers before a client has logged in.
"""

import socket
import ssl
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from nst.adapters.kafka import client
from nst.errors import InvalidOption
from nst.settings.groups import KafkaSettings

ANSWER_SECONDS = 2.0
"""Timeout of each answer of a broker, in seconds."""

METADATA, SASL_HANDSHAKE, API_VERSIONS = 3, 17, 18
ACCEPTED, UNSUPPORTED_MECHANISM = 0, 33
"""Results of SaslHandshake; both answers list the mechanisms of the broker."""
LONGEST_ANSWER = 1 << 20
FINALIZED_FEATURES = 2
"""Tag of a field in the answer to ApiVersions."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Capabilities of the broker at one address."""

    address: str
    is_encrypted: bool
    mechanisms: Sequence[str]
    """Names of its SASL mechanisms; empty if no authentication is needed."""
    features: Mapping[str, int]
    """Version of each feature that the cluster has turned on."""

    @property
    def security_protocol(self) -> str:
        """The value of NST_KAFKA_SECURITY_PROTOCOL that this address accepts."""
        return f"{'SASL_' if self.mechanisms else ''}{'SSL' if self.is_encrypted else 'PLAINTEXT'}"

    @property
    def has_consumer_protocol(self) -> bool:
        """Whether the cluster supports the group protocol of KIP-848."""
        return self.features.get("group.version", 0) >= 1

    def complaint(self, settings: KafkaSettings) -> InvalidOption | None:
        """Return an error about a setting that this broker rejects, else None.
        The error lists the values that the broker accepts."""
        asked: Mapping[str, tuple[str | None, Sequence[str]]] = {
            "SECURITY_PROTOCOL": (settings.security_protocol, [self.security_protocol]),
            "SASL_MECHANISM": (settings.sasl_mechanism, self.mechanisms),
            "GROUP_PROTOCOL": (settings.group_protocol, self._group_protocols()),
        }
        for name, (value, allowed) in asked.items():
            if value not in allowed and not (name == "SASL_MECHANISM" and not self.mechanisms):
                wanted = f"{' or '.join(allowed)}, which is what the broker {self.address} takes"
                return InvalidOption(f"NST_KAFKA_{name}", value, wanted)
        return None

    def _group_protocols(self) -> Sequence[str]:
        return ["auto", "classic", *(["consumer"] if self.has_consumer_protocol else [])]


def look(settings: KafkaSettings) -> Offer | None:
    """Return the capabilities of the first broker with a valid answer;
    None if there is none."""
    first, second = (True, False) if settings.security_protocol.endswith("SSL") else (False, True)
    for address in settings.brokers:
        for is_encrypted in (first, second):
            try:
                return _ask(address, settings, is_encrypted)
            except TimeoutError:
                break
            except (OSError, ValueError):
                continue
    return None


def insist(settings: KafkaSettings) -> Offer | None:
    """Return the capabilities of `look`.
    Raises QueueError if they contradict the settings."""
    offer = look(settings)
    if offer and (complaint := offer.complaint(settings)):
        raise client.failed(str(complaint))
    return offer


def _ask(address: str, settings: KafkaSettings, is_encrypted: bool) -> Offer:
    with _connected(address, is_encrypted) as connection:
        offer = _converse(connection, address, settings, is_encrypted)
    is_stranger = not settings.uses_sasl
    if offer.mechanisms and is_stranger and _answers_strangers(address, is_encrypted):
        return replace(offer, mechanisms=())
    return offer


def _answers_strangers(address: str, is_encrypted: bool) -> bool:
    """Return whether authentication is optional: some brokers list mechanisms and require none.
    A broker that requires authentication logs the question as an error."""
    with suppress(OSError, ValueError), _connected(address, is_encrypted) as connection:
        _request(connection, METADATA, 1, struct.pack(">i", 0))
        return True
    return False


@contextmanager
def _connected(address: str, is_encrypted: bool) -> Iterator[socket.socket]:
    host, _, port = address.rpartition(":")
    place = (host.strip("[]"), int(port))
    with socket.create_connection(place, timeout=ANSWER_SECONDS) as connection:
        if not is_encrypted:
            yield connection
            return
        with _encryption().wrap_socket(connection, server_hostname=place[0]) as encrypted:
            yield encrypted


def _encryption() -> ssl.SSLContext:
    """Return a TLS context without verification, because no secret is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _converse(
    connection: socket.socket, address: str, settings: KafkaSettings, is_encrypted: bool
) -> Offer:
    hello = _compact("nst") + _compact("1") + b"\0"
    features = _features(_request(connection, API_VERSIONS, 3, b"\0" + hello))
    # A broker counts the handshake with a mechanism that it lacks as a failed authentication.
    mechanism = _text(settings.sasl_mechanism or "PLAIN")
    answer = _request(connection, SASL_HANDSHAKE, 1, mechanism)
    return Offer(address, is_encrypted, _mechanisms(answer), features)


def _request(connection: socket.socket, kind: int, version: int, body: bytes) -> "_Answer":
    message = struct.pack(">hhi", kind, version, kind) + _text("nst") + body
    connection.sendall(struct.pack(">i", len(message)) + message)
    [length] = struct.unpack(">i", _exactly(connection, 4))
    if not 4 <= length <= LONGEST_ANSWER:
        raise ValueError("this is not a broker of Kafka")
    answer = _Answer(_exactly(connection, length))
    answer.number(4)  # correlation id
    return answer


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = connection.recv(size - len(data))
        if not piece:
            raise OSError("the broker has closed the connection")
        data += piece
    return data


def _mechanisms(answer: "_Answer") -> Sequence[str]:
    if answer.number(2) not in (ACCEPTED, UNSUPPORTED_MECHANISM):
        return ()
    return [answer.bytes(answer.number(2)).decode() for _ in range(answer.number(4))]


def _features(answer: "_Answer") -> Mapping[str, int]:
    """Return the features of the cluster; none if the broker is too old for the request."""
    if answer.number(2):
        return {}
    for _ in range(answer.varint() - 1):  # supported requests
        answer.bytes(6)
        answer.tags()
    answer.number(4)  # throttle time
    finalized = answer.tags().get(FINALIZED_FEATURES)
    return _finalized(finalized) if finalized else {}


def _finalized(answer: "_Answer") -> Mapping[str, int]:
    """Return the highest version of each feature that is turned on."""
    found = {}
    for _ in range(answer.varint() - 1):
        name = answer.bytes(answer.varint() - 1).decode()
        found[name] = answer.number(2)
        answer.number(2)  # the lowest version
        answer.tags()
    return found


class _Answer:
    """Answer of a broker, whose bytes are read from the front."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def bytes(self, size: int) -> bytes:
        self._place += size
        if size < 0 or self._place > len(self._data):
            raise ValueError("the answer is shorter than it says")
        return self._data[self._place - size : self._place]

    def number(self, size: int) -> int:
        return int.from_bytes(self.bytes(size), signed=True)

    def varint(self) -> int:
        value, shift = 0, 0
        while True:
            [byte] = self.bytes(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def tags(self) -> "Mapping[int, _Answer]":
        """Read the optional fields; return them by tag."""
        return {self.varint(): _Answer(self.bytes(self.varint())) for _ in range(self.varint())}


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


def _compact(text: str) -> bytes:
    return bytes([len(text) + 1]) + text.encode()
