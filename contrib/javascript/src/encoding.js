/** Octets, numbers and texts, as token-format.md section 2 writes them. */
import { createHmac, timingSafeEqual } from "node:crypto";

const ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

export const hmac = (key, data) => createHmac("sha256", key).update(data).digest();

/** `number` as `length` octets, the most significant first. */
export const octets = (number, length) => Buffer.from(number.toString(16).padStart(2 * length, "0"), "hex");

/** The most significant bits of a digest, as a BigInt. */
export const leftmost = (digest, bits) => BigInt(`0x${digest.toString("hex")}`) >> BigInt(8 * digest.length - bits);

/** Each part behind its length, so that no two lists of parts read alike. Text is UTF-8. */
export function tlv(...parts) {
  const values = parts.map((part) => Buffer.from(part));
  return Buffer.concat(values.flatMap((value) => [octets(value.length, 4), value]));
}

/** A BigInt in base32, most significant character first. */
export function base32(number, length) {
  let text = "";
  for (let rest = number; text.length < length; rest >>= 5n) text = ALPHABET[Number(rest & 31n)] + text;
  return text;
}

/** The BigInt that base32 characters write. Check them before: only a-z and 2-7 have a value. */
export function fromBase32(text) {
  let number = 0n;
  for (const character of text) number = (number << 5n) | BigInt(ALPHABET.indexOf(character));
  return number;
}

/** Whether two texts are equal, in a time that does not tell where they differ. */
export function equal(left, right) {
  const [one, other] = [Buffer.from(left), Buffer.from(right)];
  return one.length === other.length && timingSafeEqual(one, other);
}

/** Whether `text` is a string that UTF-8 can write: a surrogate without its other half would become U+FFFD. */
export const isText = (text) => typeof text === "string" && !/\p{Surrogate}/u.test(text);

/** Lower-case A to Z alone: toLowerCase() makes a k of U+212A, the Kelvin sign. */
export const asciiLower = (text) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** The octets of padded base64 in the alphabet with + and /; null for any other text, a second spelling included. */
export function base64Of(text) {
  const octets = Buffer.from(text, "base64");
  return octets.toString("base64") === text ? octets : null;
}
