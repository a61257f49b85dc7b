"""`openai-bridge deploy`: the processes that a file lists, on one machine: started, kept running, stopped.

`file` reads and `commands` decides, both without I/O; `ground` brings it to this machine, out comes a `plan`.
The rest acts: `stages` on all in order, `keeper` on one process, `readiness` asks.
"""
