/** Asks the library for Node.js: a line of JSON each way, `[what, argument]` and its result, or `{"error": class}`. */
import { createInterface } from "node:readline";
import { Minter, Reader, mintRequest, openVerdict, openWebhook } from "../../contrib/javascript/src/index.js";
import { normalise } from "../../contrib/javascript/src/normalise.js";

const ASKED = {
  request: (given) => mintRequest(given),
  normalise: (address) => normalise(address),
  mint({ site, handler, order }) {
    const { address, messageId, expires, context } = new Minter(site).mint(handler, order);
    return { address, messageId, expires, context };
  },
  read({ site, address, now, messageId }) {
    const found = new Reader(site).open(address, { now });
    if (found.outcome === "forged") return null;
    return { valid: found.outcome === "valid", user: found.user, context: found.context, answers: found.answers(messageId) };
  },
  verdict({ message, keys }) {
    const { outcome, why = "", reply } = openVerdict(Buffer.from(message, "hex"), keys);
    return [outcome, why, reply ? [reply.id, reply.user, reply.context] : null];
  },
  webhook({ headers, body, secret, now }) {
    const { id, user, context, text } = openWebhook({ headers, body: Buffer.from(body, "hex") }, secret, { now });
    return [id, user, context, text];
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [what, argument] = JSON.parse(line);
  try {
    console.log(JSON.stringify(ASKED[what](argument)));
  } catch (error) {
    console.log(JSON.stringify({ error: error.name }));
  }
}
