"""Order across runs: which version an artifact becomes, and where its aliases point, decided once and logged."""
