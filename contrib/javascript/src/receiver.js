/** An endpoint for the delivery hook, complete: a listener for node:http, and a handler for Express. */
import { Refusal, WebhookError } from "./errors.js";
import { openWebhook } from "./webhook.js";

const MAX_BYTES = 64 * 1024 * 1024; // of the JSON of a message of 26 MB, with room

/**
 * A function of a request and its response. `take(reply)` stores the reply with its id, in one transaction, and does
 * nothing if the id is there already. When it has ended, the answer is 204. If it throws a Refusal, the answer is 422, and
 * the reply becomes a dead letter; after any other error it is 500, and the hook comes again.
 */
export function receiver(secret, take, { maxBytes = MAX_BYTES, onError = console.error, now } = {}) {
  return async (request, response) => {
    const { status, message } = await answerTo(request, { secret, take, maxBytes, onError, now });
    response.statusCode = status;
    if (message) response.setHeader("Content-Type", "text/plain; charset=utf-8");
    response.end(message && `${message}\n`);
  };
}

async function answerTo(request, { secret, take, maxBytes, onError, now }) {
  try {
    if (request.method !== "POST") throw new WebhookError(405, "POST replies here");
    const body = await bodyOf(request, maxBytes);
    const reply = openWebhook({ headers: request.headers, body }, secret, now === undefined ? {} : { now: now() });
    await take(reply);
    return { status: 204 };
  } catch (error) {
    if (error instanceof WebhookError) return { status: error.status, message: error.message };
    if (error instanceof Refusal) return { status: 422, message: "this reply will not be taken" };
    onError(error);
    return { status: 500, message: "this reply could not be taken now" };
  }
}

/** The octets of the body: from the connection, or from a parser that kept them (express.raw). */
async function bodyOf(request, maxBytes) {
  const kept = request.rawBody ?? request.body;
  if (kept instanceof Uint8Array || typeof kept === "string") return kept;
  if (request.readableEnded) {
    throw new TypeError('the body was parsed before: put express.raw({ type: "*/*", limit: "64mb" }) in front of this route');
  }
  const chunks = [];
  let length = 0;
  for await (const chunk of request) {
    length += chunk.length;
    if (length <= maxBytes) chunks.push(chunk); // what is too long is read to its end, so that the answer is heard
  }
  if (length > maxBytes) throw new WebhookError(413, `the body has more than ${maxBytes} octets`);
  return Buffer.concat(chunks);
}
