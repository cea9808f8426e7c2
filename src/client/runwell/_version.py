"""The version, where both the package and its modules can import it."""

VERSION = "0.1.0"
