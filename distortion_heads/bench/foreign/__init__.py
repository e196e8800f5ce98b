"""How the heads do on other people's operators and codecs."""
