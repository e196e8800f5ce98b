"""Where in a picture a fault lies: maps of probability from the same pass, and boxes of what is affected."""
