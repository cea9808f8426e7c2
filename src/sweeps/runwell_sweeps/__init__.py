"""The controller of sweeps: gives trials to agents. What it decides is in the event log before anybody is told."""
