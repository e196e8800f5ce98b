"""How well the installed heads find distortions."""
