"""Replies that lie in a mailbox instead of arriving by SMTP: what stands for the envelope, and what becomes of each."""
