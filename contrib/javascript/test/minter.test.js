import assert from "node:assert/strict";
import { inspect } from "node:util";
import test from "node:test";
import { KeyFileError, MintError, Minter, Reader, parseMessageId, readMasterKeys, readSealKeys } from "../src/index.js";

const MASTER = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const HANDLERS = { issue: { id: 1 }, vote: { id: 7, context: "integer", validityDays: 1 } };
const SITE = { realm: "example", masterKey: MASTER, domain: "reply.example.com", handlers: HANDLERS };
const AT = 1767225600;
const READING = { realm: "example", masterKeys: [MASTER], domains: ["reply.example.com"], handlers: HANDLERS };

test("the worked example of the format", () => {
  const messageId = "<go-gitea/gitea/issue/2351/1220588887.k3f9@example.com>";
  const minted = new Minter(SITE).mint("issue", { user: 42, messageId, to: "Jane@Example.com", at: AT });
  assert.equal(minted.address, "reply+000000002ababaqbjagcghoayf6dbdtkgsn3mpr7iyshxxd5mg6glfvcgw@reply.example.com");
  assert.equal(minted.expires, 1775001600);
  assert.equal(minted.context, "6832620830914657");
  assert.deepEqual(minted.headers, {
    "Reply-To": minted.address,
    "Message-ID": messageId,
    References: messageId,
    "Auto-Submitted": "auto-generated",
  });
});

test("a locator gives the notification its Message-ID, and an answer names it", () => {
  const minted = new Minter(SITE).mint("issue", { user: 42, locator: "shop/orders/7" });
  const id = minted.messageId.slice(1, -1);
  assert.deepEqual(parseMessageId(id), { locator: "shop/orders/7", repliedTo: Number(id.split("/")[3].split(".")[0]) });
  assert.notEqual(minted.messageId, new Minter(SITE).mint("issue", { user: 42, locator: "shop/orders/7" }).messageId);
  const opened = new Reader(READING).open(minted.address);
  assert.equal(opened.outcome, "valid");
  assert.equal(opened.handler, "issue");
  assert.equal(opened.isBound, false);
  assert.ok(opened.answers(id));
  assert.ok(!opened.answers(`x${id}`));
});

test("a number of the application's own, beyond 2^53", () => {
  const minted = new Minter(SITE).mint("vote", { user: 42, context: "9007199254740993", at: AT, unique: "u1" });
  assert.equal(minted.messageId, `<vote/9007199254740993/${AT}.u1@reply.example.com>`);
  const opened = new Reader(READING).open(minted.address, { now: AT });
  assert.equal(opened.context, "9007199254740993");
  assert.ok(!opened.answers(minted.messageId.slice(1, -1)), "it binds nothing");
  assert.equal(new Reader(READING).open(minted.address, { now: AT + 86400 }).outcome, "expired");
  assert.deepEqual(new Reader(READING).open(minted.address, { now: AT - 301 }), { outcome: "forged" });
});

test("a Message-ID of a handler whose name begins with a dot", () => {
  const minter = new Minter({ ...SITE, handlers: { ".x": { id: 3, context: "integer" } } });
  assert.equal(minter.mint(".x", { user: 1, context: 5, at: AT, unique: "u" }).messageId, `<3/5/${AT}.u@reply.example.com>`);
});

test("a recipient that has no normal form stays unbound", () => {
  for (const to of ["", '"jane doe"@example.com', "jan\u00e9@example.com", "jane@[192.0.2.1]", "jane@example.."]) {
    const minted = new Minter(SITE).mint("vote", { user: 1, context: 1, to });
    assert.equal(new Reader(READING).open(minted.address).isBound, false, to);
  }
  const minted = new Minter(SITE).mint("vote", { user: 1, context: 1, to: "jane@example.com" });
  assert.equal(new Reader(READING).open(minted.address).isBound, true);
});

const ORDERS = {
  "no such handler": ["nothing", { user: 1, context: 1 }],
  "a handler of Object.prototype": ["constructor", { user: 1, context: 1 }],
  "a thread without an id": ["issue", { user: 1 }],
  "a number for a thread": ["issue", { user: 1, context: 1 }],
  "a thread for a number": ["vote", { user: 1, locator: "a" }],
  "two of them": ["issue", { user: 1, locator: "a", messageId: "a@b" }],
  "an id with a bracket within": ["issue", { user: 1, messageId: "<a<b@c>" }],
  "an id with one bracket": ["issue", { user: 1, messageId: "<a@b" }],
  "an id with white space": ["issue", { user: 1, messageId: "<a @b>" }],
  "an id with a lone surrogate": ["issue", { user: 1, messageId: "<a\ud800@b>" }],
  "an id that is no text": ["issue", { user: 1, messageId: 7 }],
  "a recipient with a name": ["issue", { user: 1, locator: "a", to: "Jane <jane@example.com>" }],
  "a recipient with a lone surrogate": ["issue", { user: 1, locator: "a", to: "jane@\ud800.example" }],
  "a time in milliseconds": ["issue", { user: 1, locator: "a", at: 1767225600000 }],
  "a time before 2025": ["issue", { user: 1, locator: "a", at: 1735689599 }],
  "a time that is no number": ["issue", { user: 1, locator: "a", at: new Date() }],
  "a context that was rounded": ["vote", { user: 1, context: 9007199254740993 }],
  "a unique part with a dot": ["issue", { user: 1, locator: "a", unique: "a.b" }],
  "a misspelt member": ["issue", { user: 1, locater: "a" }],
};
for (const [name, [handler, order]] of Object.entries(ORDERS)) {
  test(`minting refuses ${name}`, () => assert.throws(() => new Minter(SITE).mint(handler, order), MintError));
}

const SITES = {
  "a short key": { masterKey: "00" },
  "a key of 64 octets": { masterKey: Buffer.from(MASTER) },
  "a reserved mailbox": { mailbox: "postmaster" },
  "a mailbox in capitals": { mailbox: "Reply" },
  "a mailbox of 16 characters": { mailbox: "a".repeat(16) },
  "another delimiter": { delimiter: "=" },
  "a realm with a blank": { realm: "my realm" },
  "a realm with a line end": { realm: "example\n" },
  "a domain in capitals": { domain: "Reply.example.com" },
  "a domain with a trailing dot": { domain: "reply.example.com." },
  "no handlers": { handlers: undefined },
  "two handlers with one id": { handlers: { a: { id: 1 }, b: { id: 1 } } },
  "a handler with an id out of range": { handlers: { a: { id: 1024 } } },
  "a handler of an unknown kind": { handlers: { a: { id: 1, context: "wrapped" } } },
  "a misspelt member": { Realm: "example" },
};
for (const [name, members] of Object.entries(SITES)) {
  test(`a minter refuses ${name}`, () => assert.throws(() => new Minter({ ...SITE, ...members }), MintError));
}

test("a minter shows its key to no log", () => {
  const minter = new Minter(SITE);
  const shown = inspect(minter, { depth: 9, showHidden: true }) + JSON.stringify(minter);
  assert.ok(!shown.includes("00010203") && !shown.includes("00 01 02"));
});

test("all that is not genuine has one answer", () => {
  const { address } = new Minter(SITE).mint("vote", { user: 1, context: 1 });
  const last = address[57] === "a" ? "b" : "a";
  const forged = [`${address.slice(0, 57)}${last}${address.slice(58)}`, "reply@reply.example.com", "", "x", null, 7, `${address} `];
  forged.push(address.replace("reply.example", "other.example"), address.replace("reply+", "replx+"), `x${address}`);
  for (const one of forged) assert.deepEqual(new Reader(READING).open(one), { outcome: "forged" }, String(one));
  const elsewhere = new Reader({ ...READING, handlers: { issue: { id: 1 } } });
  assert.deepEqual(elsewhere.open(address), { outcome: "forged" }, "a handler that is not known");
});

const KEYS = `# Oldest first.

[[key]]
id = "k1"
state = "verify"
secret = "${"ab".repeat(32)}"
minted_until = 1767225600  # Unix seconds

[[key]]
id = "k2"
state = "active"
secret = "${MASTER}"

[[key]]
id = "k3"
state = "retired"
secret = "${"cd".repeat(32)}"
`;

test("keys.toml is read as it is written", () => {
  const { active, live } = readMasterKeys(KEYS);
  assert.equal(active.toString("hex"), MASTER);
  assert.deepEqual(live.map((one) => one.toString("hex").slice(0, 4)), ["abab", "0001"]);
  assert.deepEqual(readMasterKeys(KEYS.replaceAll("\n", "\r\n")).active, active);
});

const BROKEN = {
  "nothing": ["", "exactly one"],
  "no active key": [KEYS.replace("active", "verify"), "exactly one"],
  "two active keys": [KEYS.replace("verify", "active"), "exactly one"],
  "two keys of one id": [KEYS.replace('"k2"', '"k1"'), "two keys"],
  "a short secret": [KEYS.replace("abab", ""), "line 3"],
  "a setting before a key": [`id = "k1"\n${KEYS}`, "line 1"],
  "a setting twice": [KEYS.replace('state = "verify"', 'id = "k9"'), "line 5"],
  "another table": [KEYS.replace("[[key]]", "[key]"), "line 3"],
  "a state that is unknown": [KEYS.replace("retired", "gone"), "line 14"],
  "no text": [Buffer.from(KEYS), "readFileSync"],
};
for (const [name, [text, words]] of Object.entries(BROKEN)) {
  test(`keys.toml with ${name} is refused`, () => {
    assert.throws(() => readMasterKeys(text), (error) => {
      assert.ok(error instanceof KeyFileError && error.message.includes(words), error.message);
      return !/abab|0001|cdcd/.test(error.message);
    });
  });
}

test("seal.key is read line by line", () => {
  assert.equal(readSealKeys(`# ours\n${MASTER}\n\n  ${"AB".repeat(32)}\r\n`).length, 2);
  assert.throws(() => readSealKeys(`${MASTER}\nxyz\n`), /line 2: must be 64 hex digits/);
  assert.throws(() => readSealKeys("# nothing\n"), KeyFileError);
});
