"""For who writes an adapter: what several of them do alike. Nothing here is needed to implement a port."""
