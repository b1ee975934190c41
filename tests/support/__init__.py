"""Helpers that tests share: real servers, the service, images, ways to wait."""
