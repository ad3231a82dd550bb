/** X-Reply-Verdict, opened behind the milter: verdict-header.md. */
import { createHash } from "node:crypto";
import { keyOf } from "./address-form.js";
import { base32, equal, hmac, leftmost } from "./encoding.js";
import { split } from "./message-file.js";
import { isComplete, isSound, replyOf } from "./reply.js";

export const VERDICT_FIELD = "X-Reply-Verdict";
const BITS = 130;
const TAG = /^([a-z][a-z0-9_]*)=([A-Za-z0-9._~/@+:-]+)$/;
const WHITE = new Set([32, 9, 13, 10]);
const CALM = ["observed", "no_token"]; // what observe mode lets in every day

/**
 * Decide what to do with a message, given as octets, that came from the milter; `sealKeys` as of readSealKeys. The outcome
 * is "pass": post it; "park": ask the user on file first; or "unverified": keep it, post nothing, and answer 250.
 */
export function openVerdict(message, sealKeys) {
  const octets = asOctets(message);
  const { values, body } = split(octets, VERDICT_FIELD.toLowerCase());
  const opened = unseal(values, keysOf(sealKeys));
  if (opened.problem) return unverified(`seal_${opened.problem}`);
  const isItsBody = equal(opened.tags.get("body") ?? "", bodyDigest(body));
  return isItsBody ? fateOf(opened.tags) : unverified("seal_broken");
}

function keysOf(sealKeys) {
  if (Array.isArray(sealKeys) && sealKeys.length) return sealKeys.map((key) => keyOf(key, TypeError));
  throw new TypeError("give the seal keys as a list: readSealKeys makes it of the text of seal.key");
}

function asOctets(message) {
  if (message instanceof Uint8Array) return Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  throw new TypeError("give the message as octets (a Buffer): decoding it to a string has changed it already");
}

function fateOf(tags) {
  if (tags.has("would")) return unverified("observed", tags);
  if (!isComplete(tags)) return unverified("no_token", tags);
  const result = tags.get("result");
  const isKnown = (result === "pass" || result === "park") && tags.has("class") === tags.has("original");
  if (!isKnown || !isSound(tags)) return unverified("unknown_result", tags);
  return Object.freeze({ outcome: result, reply: Object.freeze(replyOf(tags)), tags: asObject(tags) });
}

function unverified(why, tags = new Map()) {
  return Object.freeze({ outcome: "unverified", why, isAlarming: !CALM.includes(why), tags: asObject(tags) });
}

/** Without a prototype: no tag's name means anything else. */
function asObject(tags) {
  return Object.freeze(Object.assign(Object.create(null), Object.fromEntries(tags)));
}

/** The tags of the field's values on one message, or the problem: "missing", "doubled" or "broken". */
export function unseal(values, keys) {
  if (values.length !== 1) return { problem: values.length ? "doubled" : "missing" };
  const text = values[0].replace(/[ \t\r\n]+/g, "").replace(/;$/, "");
  const tags = tagsOf(text);
  if (!tags || tags.get("v") !== "1" || [...tags.keys()].at(-1) !== "seal") return { problem: "broken" };
  const seal = tags.get("seal");
  const covered = Buffer.from(text.slice(0, -seal.length), "latin1");
  const fits = keys.map((key) => equal(sealOf(covered, key), seal));
  return fits.includes(true) ? { tags } : { problem: "broken" };
}

/** The seal over the text up to and including ";seal=". */
export const sealOf = (covered, key) => base32(leftmost(hmac(key, covered), BITS), BITS / 5);

function tagsOf(text) {
  const tags = new Map();
  for (const part of text.split(";")) {
    const found = TAG.exec(part);
    if (!found || tags.has(found[1])) return null;
    tags.set(found[1], found[2]);
  }
  return tags;
}

/** The digest of a body, whose white space does not count. */
export function bodyDigest(body) {
  return base32(leftmost(createHash("sha256").update(withoutWhite(body)).digest(), BITS), BITS / 5);
}

function withoutWhite(body) {
  const kept = Buffer.allocUnsafe(body.length);
  let length = 0;
  for (let at = 0; at < body.length; at += 1) {
    if (!WHITE.has(body[at])) kept[length++] = body[at];
  }
  return kept.subarray(0, length);
}
