/** The token of a reply address, field by field: token-format.md sections 3, 4, 6, 7 and 10. */
import { base32, fromBase32, hmac, leftmost, octets, tlv } from "./encoding.js";

export const EPOCH = 1735689600; // 2025-01-01T00:00:00Z
export const ISSUED_LIMIT = 2 ** 25;
export const HANDLER_LIMIT = 2 ** 10;
export const USER_LENGTH = 10;
export const KEY_LENGTH = 22;
export const FUTURE_SECONDS = 300;
const ID_BITS = 65;
const GLOB = /^[0-9a-f]{10}b[a-z2-7]{37,}$/; // version 1: every KEY begins with b

/** The key of one user under one master key: HKDF-Expand, RFC 5869 section 2.3. */
export function userKey(masterKey, realm, user) {
  return hmac(masterKey, Buffer.concat([tlv("reply-milter/1/user", realm, octets(user, 5)), Buffer.of(1)]));
}

/** The context of a notification's Message-ID, which has no angle brackets. */
export const threadContext = (key, messageId) => leftmost(hmac(key, tlv("thread", messageId)), 55);

/** The tag of a normalised address. Never 0, which means unbound. */
export const senderTag = (key, normalised) => leftmost(hmac(key, tlv("sender", normalised)), 15) || 1n;

/** KEY as one number. All fields but `version` are BigInts. */
export function keyNumber({ version = 1n, handler, issued, context, sender }) {
  return (version << 105n) | (handler << 95n) | (issued << 70n) | (context << 15n) | sender;
}

/** KEY as its characters, and as the octets that the checksum covers. */
export const keyText = (number) => base32(number, KEY_LENGTH);
export const keyOctets = (number) => octets(number, 14);

/** CKSUM: `length` characters, which it covers. */
export function checksum(key, length, user, number) {
  const digest = hmac(key, tlv("token", octets(length, 1), octets(user, 5), keyOctets(number)));
  return base32(leftmost(digest, 5 * length), length);
}

/** GLOB of a token that is minted with this user key. */
export function writeGlob(key, length, user, number) {
  return octets(user, 5).toString("hex") + keyText(number) + checksum(key, length, user, number);
}

/** The fields of a GLOB with `length` characters of checksum, which is not checked yet; null for any other text. */
export function parseGlob(text, length) {
  if (text.length !== USER_LENGTH + KEY_LENGTH + length || !/^[\x00-\x7f]*$/.test(text)) return null;
  const glob = text.toLowerCase();
  if (!GLOB.test(glob)) return null;
  const number = fromBase32(glob.slice(USER_LENGTH, USER_LENGTH + KEY_LENGTH));
  const cut = (shift, bits) => (number >> shift) & ((1n << bits) - 1n);
  return {
    glob,
    user: BigInt(`0x${glob.slice(0, USER_LENGTH)}`),
    number,
    handler: Number(cut(95n, 10n)),
    issued: Number(cut(70n, 25n)),
    context: cut(15n, 55n),
    sender: Number(cut(0n, 15n)),
    checksum: glob.slice(USER_LENGTH + KEY_LENGTH),
  };
}

/** Minutes since 2025, or null where no token can say them. */
export function issuedMinutes(unix) {
  const minutes = Math.floor((unix - EPOCH) / 60);
  return minutes >= 0 && minutes < ISSUED_LIMIT ? minutes : null;
}

/** Unix seconds: when a token was issued, and the first second at which it is no longer valid. */
export const issuedAt = (issued) => EPOCH + 60 * issued;
export const expiresAt = (issued, validityDays) => issuedAt(issued) + 86400 * validityDays;

/** "future", "expired" or "valid". `now`: Unix seconds. */
export function lifetime(issued, validityDays, now) {
  if (issuedAt(issued) > now + FUTURE_SECONDS) return "future";
  return now < expiresAt(issued, validityDays) ? "valid" : "expired";
}

const half = (digest) => base32(leftmost(digest, ID_BITS), ID_BITS / 5);

/** The name of a token in logs. */
export const tokenId = (key, glob) => half(hmac(key, tlv("id", glob)));

/** The second half of a reply's id, by its Message-ID, or by its content where it has none. */
export const messageTag = (key, glob, messageId) => half(hmac(key, tlv("message", glob, messageId)));
export const contentTag = (key, glob, from, date, bodyDigest) =>
  half(hmac(key, tlv("content", glob, squeezed(from), squeezed(date), bodyDigest)));

const squeezed = (text) => text.replace(/[ \t\r\n]+/g, "");
