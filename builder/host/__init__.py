"""What this machine has for CUDA containers: NVIDIA driver, GPUs, container toolkit, each with what was looked at."""
