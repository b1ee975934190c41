"""The engine in a child process: its two ends and the messages between them."""
