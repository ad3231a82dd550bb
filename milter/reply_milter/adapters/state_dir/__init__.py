"""What the daemon keeps in ``state_dir``, one module per file or folder.

lock                            who uses the folder                    lock
store-marks.json                what was last seen of the store        loss_record
revocations.journal             revocations, one line each             revocation_journal
wrapped/HANDLER                 that wrapped notifications have left   wrapped_mark
delivery/deliveries.sqlite      deliveries, parked replies, questions  deliveries
dead-letters/ID.eml, ID.json    messages that could not be delivered   dead_letters

``rights`` finds what of it this process may not use.
"""
