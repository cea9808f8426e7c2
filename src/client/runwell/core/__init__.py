"""Rules that client and servers share: the standard library only, no I/O, no clock."""
