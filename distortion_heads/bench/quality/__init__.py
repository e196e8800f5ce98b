"""`dheads bench quality`: tests of scores of quality that need no rated picture."""
