/** What the reply addresses of one installation look like: token-format.md sections 1 and 3. */
import { MintError } from "./errors.js";
import { KEY_LENGTH, USER_LENGTH } from "./token.js";

const LOCAL_PART_OCTETS = 64; // RFC 5321 section 4.5.3.1.1
const CHECKSUM_CEILING = 26;
const CHECKSUM_FLOOR = 16;
const RESERVED = ["postmaster", "abuse", "hostmaster", "webmaster", "mailer-daemon"];
const MAILBOX = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/;
const DOMAIN = /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/;
const REALM = /^[A-Za-z0-9._-]{1,64}$/;

/** The local part in front of the GLOB, and the number of characters of the checksum. */
export function addressForm(mailbox, delimiter) {
  const isMailbox = typeof mailbox === "string" && (mailbox === "" || MAILBOX.test(mailbox));
  if (!isMailbox || mailbox.includes("..") || RESERVED.includes(mailbox)) {
    throw new MintError("the mailbox must be one that [address] of reply-milter.toml may name");
  }
  if (delimiter !== "+" && delimiter !== "-") throw new MintError("the delimiter must be + or -");
  const prefix = mailbox && mailbox + delimiter;
  const length = Math.min(CHECKSUM_CEILING, LOCAL_PART_OCTETS - prefix.length - USER_LENGTH - KEY_LENGTH);
  if (length < CHECKSUM_FLOOR) throw new MintError("the mailbox must have at most 15 characters");
  return { prefix, length };
}

/** A domain of reply addresses, in A-labels. */
export function domainOf(value) {
  if (typeof value === "string" && value.length <= 253 && DOMAIN.test(value)) return value;
  throw new MintError("the domain must be a domain name in lower case, an internationalised one as its A-labels (xn--)");
}

/** The name of the key space. */
export function realmOf(value) {
  if (typeof value === "string" && REALM.test(value)) return value;
  throw new MintError("a realm is 1 to 64 of A-Za-z0-9._-");
}

/** The 32 octets of a key, given as such or as 64 hex digits. */
export function keyOf(value, Failure = MintError) {
  if (typeof value === "string" && /^[0-9a-fA-F]{64}$/.test(value)) return Buffer.from(value, "hex");
  if (value instanceof Uint8Array && value.length === 32) return Buffer.from(value);
  throw new Failure("a key is 32 octets, or their 64 hex digits as in keys.toml and seal.key");
}
