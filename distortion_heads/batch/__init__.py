"""Many inputs on many machines, with Ray."""
