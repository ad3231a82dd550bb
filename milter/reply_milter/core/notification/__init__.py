"""Sign mode: the request in a notification, and the edits that meet it."""
