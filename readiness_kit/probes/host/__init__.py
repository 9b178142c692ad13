"""The machine itself: processors and memory, disks, and what lies between them and a folder."""
