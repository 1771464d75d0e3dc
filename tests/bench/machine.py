"""What the machine itself adds: round trips of one byte between two threads over a socket pair, one each 20 ms.
A bridge cannot be faster than two such wake-ups; on a busy host this, not the bridge, makes the p99."""
import socket
import threading
import time


def measure(rounds):
    near, far = socket.socketpair()

    def echo():
        while data := far.recv(1):
            far.sendall(data)

    threading.Thread(target=echo, daemon=True).start()
    took = []
    for _ in range(rounds):
        time.sleep(0.02)
        started = time.perf_counter()
        near.sendall(b"x")
        near.recv(1)
        took.append((time.perf_counter() - started) * 1000)
    near.close()
    took.sort()
    return {"p50Ms": round(took[rounds // 2], 3), "p99Ms": round(took[rounds * 99 // 100], 3)}
