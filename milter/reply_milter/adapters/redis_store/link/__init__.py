"""The way to Redis: servers, connections, deadlines, discovery, one operation at a time."""
