"""Decoding of untrusted images in processes with limited memory and CPU time.

An image that exceeds a limit ends its own process and nothing else. Each process is kept running
and answers one request after another. It answers in JSON and bytes, so its answers cannot run code.
"""

from nst.decoding.parent import Decoder

__all__ = ["Decoder"]
