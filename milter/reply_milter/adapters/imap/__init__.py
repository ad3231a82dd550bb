"""Mailboxes on IMAP servers, through IMAPClient. Whatever a server sends is bounded in time and in octets."""
