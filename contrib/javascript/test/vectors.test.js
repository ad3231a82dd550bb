/** The published test vectors of both formats, all of them. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { addressForm } from "../src/address-form.js";
import { tlv, octets } from "../src/encoding.js";
import { Reader } from "../src/index.js";
import { isMintable, parseMessageId } from "../src/message-id.js";
import { split } from "../src/message-file.js";
import { normalise } from "../src/normalise.js";
import * as token from "../src/token.js";
import { bodyDigest, unseal } from "../src/verdict.js";

const FOLDER = new URL("../../../tests/vectors/", import.meta.url);
const hex = (text) => Buffer.from(text, "hex");
const key = (group) => hex(group.userKey);

/** For each type of group: whether a test's outputs are those that the library computes of its inputs. */
const CHECKS = {
  UserKey(group, test) {
    assert.equal(tlv("reply-milter/1/user", test.realm, octets(test.user, 5)).toString("hex"), test.info);
    return token.userKey(hex(test.masterKey), test.realm, test.user).equals(hex(test.userKey));
  },
  Issued: (group, test) => token.issuedMinutes(test.unix) === test.issued && test.issued !== null,
  Thread: (group, test) => String(token.threadContext(key(group), test.messageId)) === test.context,
  Mintable: (group, test) => isMintable(test.messageId),
  Sender(group, test) {
    const normalised = normalise(test.address);
    const tag = normalised === null ? 0n : token.senderTag(key(group), normalised);
    return normalised === test.normalised && tag === BigInt(test.sender);
  },
  Key(group, test) {
    const [version, handler, issued, context, sender] = ["version", "handler", "issued", "context", "sender"].map((name) =>
      BigInt(test[name]),
    );
    const number = token.keyNumber({ version, handler, issued, context, sender });
    return token.keyText(number) === test.key && token.keyOctets(number).toString("hex") === test.keyOctets;
  },
  Address: (group, test) => isRead(group, test) && (test.user === undefined || mintedFrom(group, test) === test.address),
  Lifetime(group, test) {
    assert.equal(token.expiresAt(test.issued, test.validityDays), test.expires);
    return token.lifetime(test.issued, test.validityDays, test.now) === "valid";
  },
  MessageId(group, test) {
    const found = parseMessageId(test.messageId);
    return found !== null && found.locator === test.locator && found.repliedTo === test.repliedTo;
  },
  ReplyId(group, test) {
    assert.equal(token.tokenId(key(group), group.glob), test.tokenId);
    return test.tokenId + secondHalf(group, test) === test.id;
  },
  BodyDigest: (group, test) => bodyDigest(hex(test.body)) === test.digest,
  Verdict: (group, test) => opens(group, test, test.fields, hex(test.body)),
  Message(group, test) {
    const { values, body } = split(hex(test.message), "x-reply-verdict");
    assert.equal(body.toString("hex"), test.body);
    return opens(group, test, values, body);
  },
};

function secondHalf(group, test) {
  if (test.messageId !== undefined) return token.messageTag(key(group), group.glob, test.messageId);
  return token.contentTag(key(group), group.glob, test.from, test.date, hex(test.bodyDigest));
}

/** Whether the address is opened, to the fields that the test has. */
function isRead(group, test) {
  const found = opened(group, test.address);
  if (found === null) return false;
  if (test.sameAs !== undefined) assert.deepEqual(found, opened(group, test.sameAs));
  if (test.user === undefined) return true;
  const told = { ...found, context: String(found.context), user: Number(found.user) };
  for (const name of ["user", "handler", "issued", "context", "sender", "checksum"]) assert.equal(told[name], test[name]);
  return true;
}

/** The token of an address, by the library's own reader, of which every number is a handler. */
function opened(group, address) {
  const { prefix, length } = addressForm(group.mailbox, group.delimiter);
  assert.equal(length, group.n);
  const found = token.parseGlob(address.slice(prefix.length, address.lastIndexOf("@")), length);
  const handlers = { one: { id: found?.handler ?? 0, validityDays: 36500 } };
  const { realm, masterKeys, domain, mailbox, delimiter } = group;
  const reader = new Reader({ realm, masterKeys, domains: [domain], handlers, mailbox, delimiter });
  return reader.open(address, { now: token.issuedAt(found?.issued ?? 0) }).outcome === "valid" ? found : null;
}

function mintedFrom(group, test) {
  const { prefix, length } = addressForm(group.mailbox, group.delimiter);
  const user = BigInt(test.user);
  const userKey = token.userKey(hex(test.masterKey), group.realm, user);
  const [handler, issued, context, sender] = ["handler", "issued", "context", "sender"].map((name) => BigInt(test[name]));
  const glob = token.writeGlob(userKey, length, user, token.keyNumber({ handler, issued, context, sender }));
  return `${prefix}${glob}@${group.domain}`;
}

function opens(group, test, values, body) {
  // JSON holds text; on the wire a character is its octets in UTF-8.
  const octetsOf = (value) => Buffer.from(value).toString("latin1");
  const { tags } = unseal(values.map(octetsOf), group.sealKeys.map(hex));
  const isTrusted = tags !== undefined && tags.get("body") === bodyDigest(body);
  if (isTrusted) assert.deepEqual(Object.fromEntries(tags), test.tags);
  return isTrusted;
}

for (const file of ["token.json", "verdict.json"]) {
  const whole = JSON.parse(readFileSync(new URL(file, FOLDER), "utf8"));
  test(`all ${whole.numberOfTests} vectors of ${file}`, async (context) => {
    let count = 0;
    for (const group of whole.testGroups) {
      for (const one of group.tests) {
        await context.test(`${group.type} ${one.tcId}: ${one.comment}`, () => {
          count += 1;
          assert.equal(CHECKS[group.type](group, one), one.result === "valid");
        });
      }
    }
    assert.equal(count, whole.numberOfTests);
  });
}
