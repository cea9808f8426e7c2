"""`runwell up`: collector, projector, controller of sweeps and dashboard as child processes that start, restart and stop together.

Each child is the command that a service manager would start. It holds the read end of a pipe from the supervisor, so
that it ends by itself when the supervisor is gone, however that died.
"""
