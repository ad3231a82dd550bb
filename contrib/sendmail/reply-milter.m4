dnl # reply-milter: the filter itself. Put into /etc/mail/m4/; reply-milter.mc includes it.
dnl # F=T: while the milter is down, every client hears 451 and keeps its mail. Never F= alone: replies would pass unverified.
dnl # Filters are asked in the order of their lines. Stand last: what a filter after us refuses, we have already taken.
INPUT_MAIL_FILTER(`reply-milter', `S=local:/run/reply-milter/verify.sock, F=T, T=C:10s;S:10s;R:10s;E:30s')dnl
dnl #
dnl # VRFY and EXPN ask no filter: without these two they tell who has a mailbox, and where a reply address leads. Whatever
dnl # else your file says stays.
define(`confPRIVACY_FLAGS', ifdef(`confPRIVACY_FLAGS', `defn(`confPRIVACY_FLAGS')`,'')`novrfy,noexpn')dnl
