import assert from "node:assert/strict";
import { createServer } from "node:http";
import test from "node:test";
import { Refusal, WebhookError, checkWebhook, openWebhook, receiver } from "../src/index.js";
import { WEBHOOK_SECRET, signature, webhookRequest } from "../src/testing.js";

const ID = "a".repeat(26);
const OTHER = `whsec_${Buffer.alloc(32).toString("base64")}`;

function refused(status, request, secret = WEBHOOK_SECRET, options = {}) {
  assert.throws(() => openWebhook(request, secret, options), (error) => {
    assert.ok(error instanceof WebhookError, String(error));
    assert.equal(error.status, status, error.message);
    return true;
  });
}

/** A request with this body, well signed. */
const signed = (body) => ({ headers: signature(WEBHOOK_SECRET, ID, body), body });

test("a reply is opened", () => {
  const context = "36028797018963967";
  const request = webhookRequest({ reply: { user: 7, context, thread: "match", locator: "a/b", repliedTo: 5 }, text: "Yes, \u00fc." });
  const reply = openWebhook(request, WEBHOOK_SECRET);
  assert.deepEqual([reply.user, reply.context, reply.locator, reply.repliedTo, reply.text], [7, context, "a/b", 5, "Yes, \u00fc."]);
  assert.equal(reply.payload.MessageID, reply.id);
  assert.equal(checkWebhook(request, WEBHOOK_SECRET), reply.id);
});

test("headers of fetch, in another case, and the body as text", () => {
  const { headers, body } = webhookRequest();
  const upper = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]));
  openWebhook({ headers: new Headers(headers), body }, WEBHOOK_SECRET);
  openWebhook({ headers: upper, body: body.toString() }, WEBHOOK_SECRET);
});

test("two secrets while one is exchanged", () => {
  const request = webhookRequest();
  openWebhook(request, `${OTHER} ${WEBHOOK_SECRET}`);
  openWebhook(webhookRequest({ secret: `${OTHER} ${WEBHOOK_SECRET}` }), WEBHOOK_SECRET);
  refused(401, request, OTHER);
});

test("what is not signed, or signed otherwise, is refused", () => {
  const good = webhookRequest();
  const without = (name) => ({ ...good, headers: { ...good.headers, [name]: undefined } });
  for (const name of ["webhook-id", "webhook-timestamp", "webhook-signature"]) refused(401, without(name));
  refused(401, { ...good, body: `${good.body} ` });
  refused(401, { ...good, headers: { ...good.headers, "webhook-id": "b".repeat(26) } });
  refused(401, { ...good, headers: { ...good.headers, "Webhook-Id": good.headers["webhook-id"] } });
  refused(401, { ...good, headers: { ...good.headers, "webhook-signature": [good.headers["webhook-signature"]] } });
  const [, text] = good.headers["webhook-signature"].split(",");
  for (const bad of [text, `v1a,${text}`, `v1,${text.slice(0, -1)}`, `v1,${text.replace("=", "")}`, "v1,", "", "v1,\u00e9"]) {
    refused(401, { ...good, headers: { ...good.headers, "webhook-signature": bad } });
  }
  for (const bad of ["..", "../x", `${ID}\n`, ID.toUpperCase(), ""]) {
    refused(401, { headers: signature(WEBHOOK_SECRET, bad, good.body), body: good.body });
  }
});

test("a request of long ago, or of the future, is refused", () => {
  const now = 1767225600;
  for (const at of [now - 300, now, now + 300]) openWebhook(webhookRequest({ at }), WEBHOOK_SECRET, { now });
  for (const at of [now - 301, now + 301]) refused(401, webhookRequest({ at }), WEBHOOK_SECRET, { now });
  refused(401, { ...webhookRequest(), headers: { ...webhookRequest().headers, "webhook-timestamp": "1e9" } });
});

const BODIES = {
  "no JSON": "x", "null": "null", "a list": "[]", "no Reply": "{}", "Reply as text": '{"Reply":"x"}', "Reply null": '{"Reply":null}',
  "Reply by inheritance": '{"__proto__":{"Reply":{}}}', "an empty Reply": '{"Reply":{}}',
};
for (const [name, body] of Object.entries(BODIES)) {
  test(`a body with ${name} is refused for good`, () => refused(400, signed(body)));
}

const whole = (reply) => JSON.stringify({ Reply: { id: ID, user: 1, handler: "issue", context: "1", issued: 1, expires: 2, ...reply } });
const MEMBERS = [
  { id: "b".repeat(26) }, { user: "1" }, { user: 1.5 }, { user: -1 }, { user: 2 ** 60 }, { user: null }, { context: 1 }, { context: "1e3" },
  { context: " 1" }, { handler: "../x" }, { issued: "1" }, { handler: ["issue"] },
];
for (const members of MEMBERS) {
  test(`a Reply with ${JSON.stringify(members)} is refused`, () => refused(400, signed(whole(members))));
}

test("a prototype is not polluted", () => {
  refused(400, signed(whole({}).replace('"user":1', '"user":1,"__proto__":{"admin":true}')));
  assert.equal(openWebhook(signed(whole({})), WEBHOOK_SECRET).user, 1);
  Object.prototype.thread = "match";
  try {
    assert.equal(openWebhook(signed(whole({})), WEBHOOK_SECRET).thread, null);
  } finally {
    delete Object.prototype.thread;
  }
});

test("octets that are not UTF-8 are refused", () => refused(400, signed(Buffer.from([0x22, 0xff, 0x22]))));

test("mistakes of the caller are told", () => {
  const { headers, body } = webhookRequest();
  assert.throws(() => openWebhook({ headers, body: JSON.parse(body) }, WEBHOOK_SECRET), /as it came/);
  for (const secret of ["", undefined, "whsec_", "whsec_short", WEBHOOK_SECRET.slice(6), `${WEBHOOK_SECRET} x`]) {
    assert.throws(() => openWebhook({ headers, body }, secret), TypeError);
  }
});

/** Run a receiver, and post each request to it; returns the answers' statuses. */
async function answers(requests, take, options, parse = (request, next) => next()) {
  const listener = receiver(WEBHOOK_SECRET, take, options);
  const server = createServer((request, response) => parse(request, () => listener(request, response)));
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const url = `http://127.0.0.1:${server.address().port}/`;
  try {
    const statuses = [];
    for (const { headers, body, method = "POST" } of requests) {
      statuses.push((await fetch(url, { method, headers, body: method === "POST" ? body : undefined })).status);
    }
    return statuses;
  } finally {
    server.closeAllConnections?.();
    server.close();
  }
}

test("a receiver takes a reply, once for each id", async () => {
  const posts = new Map();
  const take = async (reply) => posts.set(reply.id, reply.text);
  const good = webhookRequest();
  assert.deepEqual(await answers([good, good, { ...good, body: "x" }, { method: "GET" }], take), [204, 204, 401, 405]);
  assert.equal(posts.size, 1);
});

test("a receiver tells refusals, errors, and bodies that are too long", async () => {
  const heard = [];
  const onError = (error) => heard.push(error.message);
  const never = () => Promise.reject(new Refusal("closed"));
  assert.deepEqual(await answers([webhookRequest()], never, { onError }), [422]);
  assert.deepEqual(await answers([webhookRequest()], () => Promise.reject(new Error("no database")), { onError }), [500]);
  assert.deepEqual(await answers([webhookRequest({ text: "x".repeat(5000) })], () => {}, { maxBytes: 5000, onError }), [413]);
  assert.deepEqual(heard, ["no database"]);
});

test("a receiver behind a parser", async () => {
  const raw = async (request, next) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    request.body = Buffer.concat(chunks);
    next();
  };
  const parsed = (request, next) => raw(request, () => { request.body = JSON.parse(request.body); next(); });
  const heard = [];
  const onError = (error) => heard.push(error.message);
  assert.deepEqual(await answers([webhookRequest()], () => {}, { onError }, raw), [204]);
  assert.deepEqual(await answers([webhookRequest()], () => {}, { onError }, parsed), [500]);
  assert.match(heard[0], /express\.raw/);
});
