"""Which heads and backbones there are: plugins, the user's own heads, backbones by name."""
