"""Runs long enough to be killed from outside."""

import time

time.sleep(50)
