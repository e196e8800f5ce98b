"""Real pictures: alarms on what is clean, and faults that are found."""
