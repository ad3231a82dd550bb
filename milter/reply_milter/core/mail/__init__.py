"""Mail's own syntax: mailboxes, domains, Message-IDs, header fields."""
