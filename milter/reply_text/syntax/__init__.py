"""The syntax of mail (RFC 5322): header and body, mailboxes, comments, lists of Message-IDs, within bounds."""
