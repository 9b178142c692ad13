"""What the data lies on: room, speed, and whether something encrypts it."""
