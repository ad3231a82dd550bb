/** Replies that the delivery hook posts, signed as Standard Webhooks: docs/delivery.md. */
import { base64Of, equal, hmac } from "./encoding.js";
import { WebhookError } from "./errors.js";
import { isComplete, isSound, replyOf } from "./reply.js";

const TOLERANCE = 300; // seconds, of Standard Webhooks
const SECRET_OCTETS = [16, 64];
const ID = /^[a-z2-7]{26}$/;
const TEXTS = ["thread", "locator", "sender", "auth", "reason", "replay", "class"];

/**
 * Check who has sent a request, and when. `headers`: those of Node.js, or of fetch; `body`: the octets as they came, or
 * their text. Returns the id of the reply. Throws a WebhookError, whose status says what to answer.
 */
export function checkWebhook({ headers, body }, secret, { now = Math.floor(Date.now() / 1000) } = {}) {
  const keys = keysOf(secret);
  const octets = octetsOf(body);
  const [id, timestamp, signatures] = ["id", "timestamp", "signature"].map((name) => headerOf(headers, `webhook-${name}`));
  if (!ID.test(id)) throw new WebhookError(401, "webhook-id is missing, or is no id of a reply");
  if (!/^[0-9]{1,11}$/.test(timestamp)) throw new WebhookError(401, "webhook-timestamp is missing, or is no time");
  if (!isSignedBy(keys, Buffer.concat([Buffer.from(`${id}.${timestamp}.`), octets]), signatures)) {
    throw new WebhookError(401, "webhook-signature does not fit: another secret, or another body");
  }
  if (Math.abs(now - Number(timestamp)) > TOLERANCE) {
    throw new WebhookError(401, `webhook-timestamp is more than ${TOLERANCE} seconds from now: is this host's clock right?`);
  }
  return id;
}

/** The reply of a request in the format "json", checked as checkWebhook does. */
export function openWebhook(request, secret, options = {}) {
  const id = checkWebhook(request, secret, options);
  const payload = payloadOf(octetsOf(request.body));
  const told = toldOf(payload.Reply);
  if (!isComplete(told) || !isSound(told) || told.get("id") !== id) {
    throw new WebhookError(400, "the body has no member Reply as reply-milter writes it");
  }
  const text = typeof payload.StrippedTextReply === "string" ? payload.StrippedTextReply : "";
  return Object.freeze({ ...replyOf(told), flaws: flawsOf(payload.Reply), text, payload });
}

function keysOf(secret) {
  const words = typeof secret === "string" ? secret.split(" ").filter(Boolean) : [];
  const keys = words.map((word) => (word.startsWith("whsec_") ? base64Of(word.slice("whsec_".length)) : null));
  const areSound = keys.every((key) => key && key.length >= SECRET_OCTETS[0] && key.length <= SECRET_OCTETS[1]);
  if (keys.length && areSound) return keys;
  throw new TypeError("the secret is whsec_ and 16 to 64 octets in base64, as in [handler.delivery]; two have a blank between");
}

function octetsOf(body) {
  if (body instanceof Uint8Array) return body;
  if (typeof body === "string") return Buffer.from(body);
  throw new TypeError("give the body as it came, as octets or text: what JSON.parse made of it can't be checked");
}

/** One value of a header field; empty if it is missing or stands there more than once. */
function headerOf(headers, name) {
  if (typeof headers?.get === "function") return headers.get(name) ?? "";
  const found = Object.keys(headers ?? {}).filter((one) => one.toLowerCase() === name);
  const value = found.length === 1 ? headers[found[0]] : "";
  return typeof value === "string" ? value : "";
}

function isSignedBy(keys, signed, signatures) {
  const given = signatures.split(" ").slice(0, 8);
  const made = keys.map((key) => `v1,${hmac(key, signed).toString("base64")}`);
  return given.flatMap((one) => made.map((other) => equal(one, other))).includes(true);
}

/** The object that the body writes. Nothing of ours has a member __proto__: merged into another object, it would harm. */
function payloadOf(octets) {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(octets);
    const payload = JSON.parse(text, (name, value) => (name === "__proto__" ? refuse() : value));
    if (typeof payload === "object" && payload !== null && Object.hasOwn(payload, "Reply")) return payload;
  } catch {
    // said below
  }
  throw new WebhookError(400, 'the body is no JSON of reply-milter: does its handler have format = "json"?');
}

function refuse() {
  throw new SyntaxError("__proto__");
}

/** The members of Reply as texts, as a verdict's tags are; those of another type are left out. */
function toldOf(reply) {
  const told = new Map();
  const numbers = ["user", "issued", "expires", "replied_to"];
  for (const [name, value] of Object.entries(reply ?? {})) {
    const isText = typeof value === "string" && ["id", "handler", "context", ...TEXTS].includes(name);
    if (isText || (numbers.includes(name) && Number.isSafeInteger(value) && value >= 0)) told.set(name, String(value));
  }
  return told;
}

function flawsOf({ flaws }) {
  return Object.freeze(Array.isArray(flaws) ? flaws.filter((flaw) => typeof flaw === "string") : []);
}
