"""How well the installed heads find distortions in coded clips."""
