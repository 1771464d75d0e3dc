#!/usr/bin/env python3
"""What the machine itself adds: round trips of one byte between two threads over a socket pair, one each 20 ms.
A bridge cannot be faster than two such wake-ups; on a busy host this, not the bridge, makes the p99."""
import socket
import threading
import time

ROUNDS = 500


def echo(s):
    while data := s.recv(1):
        s.sendall(data)


near, far = socket.socketpair()
threading.Thread(target=echo, args=(far,), daemon=True).start()
took = []
for _ in range(ROUNDS):
    time.sleep(0.02)
    started = time.perf_counter()
    near.sendall(b"x")
    near.recv(1)
    took.append((time.perf_counter() - started) * 1000)
took.sort()
print(f"machine, one byte there and back: p50 {took[ROUNDS // 2]:.3f} ms, p99 {took[ROUNDS * 99 // 100]:.3f} ms, "
      f"max {took[-1]:.3f} ms")
