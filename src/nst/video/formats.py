"""Media types of films and sounds, recognised by the first bytes of a file.

No library is needed.
"""

_QUICKTIME_ATOMS = (b"moov", b"mdat", b"wide", b"free", b"skip")
"""Atoms with which a QuickTime file without `ftyp` may begin."""
_STARTS = {
    b"FLV\1": "video/x-flv",
    b"OggS": "video/ogg",
    b"\0\0\1\xba": "video/mpeg",
    b"0&\xb2u\x8ef\xcf\x11": "video/x-ms-asf",
    b"ID3": "audio/mpeg",
    b"fLaC": "audio/flac",
}
_RIFF = {b"AVI ": "video/x-msvideo", b"WAVE": "audio/wav"}
_EBML = b"\x1aE\xdf\xa3"
_WEBM_WITHIN_BYTES = 64


def media_type(start: bytes) -> str | None:
    """Return the media type of a film or a sound; None if it is unknown.
    `start`: the first bytes of the file, about 100. Images in ISO media files are not distinguished
    from films."""
    if start[4:8] == b"ftyp":
        return "video/quicktime" if start[8:12] == b"qt  " else "video/mp4"
    if start[4:8] in _QUICKTIME_ATOMS:
        return "video/quicktime"
    if start.startswith(_EBML):
        return "video/webm" if b"webm" in start[:_WEBM_WITHIN_BYTES] else "video/x-matroska"
    if start.startswith(b"RIFF"):
        return _RIFF.get(start[8:12])
    return next((kind for magic, kind in _STARTS.items() if start.startswith(magic)), None)
