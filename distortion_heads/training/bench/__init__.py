"""The accuracy report: what all heads say about pictures whose distortions are known."""
