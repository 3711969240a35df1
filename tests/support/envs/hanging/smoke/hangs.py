"""Never ends, and does not go when asked politely."""

import signal
import time

signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("hanging now", flush=True)
while True:
    time.sleep(1)
