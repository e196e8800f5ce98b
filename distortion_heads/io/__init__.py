"""Files to pixels: pictures and the inputs of the command line."""
