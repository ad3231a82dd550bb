"""The syntax of mail: mailboxes, domains, Message-IDs, header fields."""
