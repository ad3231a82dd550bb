import assert from "node:assert/strict";
import test from "node:test";
import { openVerdict } from "../src/index.js";
import { SEAL_KEY, sealedMessage } from "../src/testing.js";

const open = (message) => openVerdict(message, [SEAL_KEY]);

test("a reply that is to be posted", () => {
  const context = "36028797018963967";
  const fate = open(sealedMessage({ reply: { user: 2 ** 40 - 1, context, thread: "match", locator: "a/b", repliedTo: 7 } }));
  assert.equal(fate.outcome, "pass");
  const { id, issued, expires, ...told } = fate.reply;
  assert.match(id, /^[a-z2-7]{26}$/);
  assert.equal(expires - issued, 90 * 86400);
  assert.deepEqual(told, {
    user: 1099511627775,
    handler: "issue",
    context,
    thread: "match",
    locator: "a/b",
    repliedTo: 7,
    sender: "match",
    auth: "none",
    reason: "ok",
    replay: "first",
    class: null,
  });
  assert.equal(JSON.parse(JSON.stringify(fate)).reply.context, context, "it can be written as JSON");
});

test("a reply that is to be confirmed", () => {
  assert.equal(open(sealedMessage({ result: "park", reply: { reason: "sender_mismatch" } })).outcome, "park");
});

const UNVERIFIED = {
  observed: [{ tags: { would: "reject" } }, false],
  no_token: [{ reply: { user: null } }, false],
  unknown_result: [{ result: "hold" }, true],
};
for (const [why, [options, isAlarming]] of Object.entries(UNVERIFIED)) {
  test(`${why} is unverified`, () => {
    const fate = open(sealedMessage(options));
    assert.deepEqual([fate.outcome, fate.why, fate.isAlarming, fate.reply], ["unverified", why, isAlarming, undefined]);
  });
}

const FORMS = { id: "../etc/passwd", user: "1e3", context: "-1", handler: "Issue", repliedTo: "0x1" };
for (const [name, value] of Object.entries(FORMS)) {
  test(`a holder of a seal key gets no odd ${name} through`, () => {
    assert.equal(open(sealedMessage({ reply: { [name]: value } })).why, "unknown_result");
  });
}
test("class and original come together", () => {
  assert.equal(open(sealedMessage({ tags: { class: "wrapped" } })).why, "unknown_result");
  assert.equal(open(sealedMessage({ tags: { class: "wrapped", original: "a".repeat(30) } })).reply.class, "wrapped");
});

test("tags have no prototype", () => {
  const { tags } = open(sealedMessage({ tags: { constructor: "x", to_string: "y" } }));
  assert.equal(Object.getPrototypeOf(tags), null);
  assert.equal(tags.constructor, "x");
  assert.equal(tags.toString, undefined);
});

test("what is missing, doubled, altered or sealed with another key", () => {
  const good = sealedMessage();
  assert.equal(open(Buffer.from("Subject: x\r\n\r\nYes.\r\n")).why, "seal_missing");
  assert.equal(open(Buffer.concat([Buffer.from("x-reply-verdict: v=1\r\n"), good])).why, "seal_doubled");
  assert.equal(open(Buffer.concat([good, Buffer.from("more")])).why, "seal_broken");
  assert.equal(openVerdict(good, [Buffer.alloc(32)]).why, "seal_broken");
  assert.equal(openVerdict(good, [Buffer.alloc(32), SEAL_KEY.toString("hex")]).outcome, "pass");
  assert.equal(open(Buffer.concat([good, Buffer.from(" \r\n\t")])).outcome, "pass", "white space does not count");
});

test("a view into a larger buffer is a message, too", () => {
  const good = sealedMessage();
  const around = Buffer.concat([Buffer.from("xx"), good, Buffer.from("yy")]);
  assert.equal(open(new Uint8Array(around.buffer, around.byteOffset + 2, good.length)).outcome, "pass");
});

test("mistakes of the caller are told", () => {
  assert.throws(() => open(sealedMessage().toString()), /octets/);
  assert.throws(() => openVerdict(sealedMessage(), []), /readSealKeys/);
  assert.throws(() => openVerdict(sealedMessage(), ["00"]), TypeError);
});

test("hostile headers cost little", () => {
  const start = performance.now();
  for (const piece of ["x-reply-verdict:\n", ">", "\r", "From \n", " \n", "a:", ":", "a", "x-reply-verdict: a=b;\n ;", "\0"]) {
    open(Buffer.from(piece.repeat(Math.ceil(2 ** 21 / piece.length))));
    open(Buffer.from(`x-reply-verdict: ${piece.repeat(Math.ceil(2 ** 21 / piece.length))}`));
    open(Buffer.from(`a: b\n${piece.repeat(Math.ceil(2 ** 21 / piece.length))}`));
  }
  assert.ok(performance.now() - start < 20_000);
});
