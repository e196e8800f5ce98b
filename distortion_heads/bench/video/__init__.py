"""What the installed heads say of distorted and coded clips."""
