"""One program per engine, each run as a process of its own."""
