"""Each file is one kind of disaster: what it sets up, what it does, what must hold."""
