"""Decoding of untrusted images in processes with limits
of memory and processor time.

An image that exceeds a limit ends its process and nothing else. Each process is kept warm and
serves one request after the other. It answers in JSON and bytes, so its answers cannot run code.
"""

from nst.decoding.parent import Decoder

__all__ = ["Decoder"]
