/**
 * For an application's own tests: requests and messages as the milter and its hook make them, without either. All keys and
 * secrets here are random, new in each process: none can slip into production.
 */
import { createHmac, randomBytes } from "node:crypto";
import { keyOf } from "./address-form.js";
import { members } from "./arguments.js";
import { base32, leftmost } from "./encoding.js";
import { VERDICT_FIELD, bodyDigest, sealOf } from "./verdict.js";

export const WEBHOOK_SECRET = `whsec_${randomBytes(32).toString("base64")}`;
export const SEAL_KEY = randomBytes(32);
export const MASTER_KEY = randomBytes(32);

const TOLD = ["id", "user", "handler", "context", "thread", "locator", "repliedTo", "sender", "auth", "reason", "replay"];

/** An id as no reply had before. */
export const newId = () => base32(leftmost(randomBytes(32), 130), 26);

function told(reply = {}) {
  const now = Math.floor(Date.now() / 1000);
  const issued = now - (now % 60);
  const standard = { thread: "none", locator: null, repliedTo: null, sender: "match", auth: "none", reason: "ok", replay: "first" };
  const given = members(reply, TOLD, TypeError);
  return { id: newId(), user: 42, handler: "issue", context: "2351", ...standard, issued, expires: issued + 7776000, ...given };
}

/** A signed request, `{ headers, body }`, with the JSON of a reply; give `reply` and `text` what your test needs. */
export function webhookRequest({ reply, text = "Yes, please.", secret = WEBHOOK_SECRET, at, payload = {} } = {}) {
  const { repliedTo, ...rest } = told(reply);
  const members_ = { ...rest, context: String(rest.context), replied_to: repliedTo, flaws: [] };
  const whole = { Reply: members_, MessageID: rest.id, TextBody: text, StrippedTextReply: text, Attachments: [], ...payload };
  const body = Buffer.from(JSON.stringify(whole));
  return { headers: { "content-type": "application/json", ...signature(secret, rest.id, body, at) }, body };
}

/** The header fields that sign `body`. `at`: Unix seconds. */
export function signature(secret, id, body, at = Math.floor(Date.now() / 1000)) {
  const signed = Buffer.concat([Buffer.from(`${id}.${at}.`), Buffer.from(body)]);
  const keys = secret.split(" ").map((word) => Buffer.from(word.slice("whsec_".length), "base64"));
  const made = keys.map((key) => `v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
  return { "webhook-id": id, "webhook-timestamp": String(at), "webhook-signature": made.join(" ") };
}

/** A message with a sealed verdict, as a delivery hook gets it. `result`: "pass" or "park". */
export function sealedMessage({ reply, result = "pass", text = "Yes, please.\r\n", sealKey = SEAL_KEY, tags = {} } = {}) {
  const { repliedTo, ...rest } = told(reply);
  const body = Buffer.from(text);
  const all = { v: "1", result, ...rest, replied_to: repliedTo, ...tags, body: bodyDigest(body) };
  const written = Object.entries(all).filter(([, value]) => value !== null && value !== undefined);
  const covered = `${written.map(([name, value]) => `${name}=${value}`).join(";")};seal=`;
  const verdict = covered.replaceAll(";", ";\r\n\t") + sealOf(covered, keyOf(sealKey));
  const header = `${VERDICT_FIELD}: ${verdict}\r\nFrom: Jane <jane@example.com>\r\nSubject: Re: news\r\n\r\n`;
  return Buffer.concat([Buffer.from(header), body]);
}
