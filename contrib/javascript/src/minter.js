/** Reply addresses for applications that hold the master key and write their own notifications. */
import { randomBytes } from "node:crypto";
import { addressForm, domainOf, keyOf, realmOf } from "./address-form.js";
import { CONTEXT_LIMIT, USER_LIMIT, isLocator, locatorOf, members, whole } from "./arguments.js";
import { isText } from "./encoding.js";
import { MintError } from "./errors.js";
import { handlerNamed, handlersOf } from "./handlers.js";
import { mintable } from "./message-id.js";
import { normalise } from "./normalise.js";
import { expiresAt, issuedAt, issuedMinutes, keyNumber, senderTag, threadContext, userKey, writeGlob } from "./token.js";

const SITE = ["realm", "masterKey", "domain", "handlers", "mailbox", "delimiter"];
const ORDER = ["user", "context", "messageId", "locator", "to", "at", "unique"];
const UNIQUE_OCTETS = 5;

/** Mints for one realm with its active master key. */
export class Minter {
  #site;
  #masterKey;
  #handlers;

  constructor(site) {
    const { realm, masterKey, domain, handlers, mailbox = "reply", delimiter = "+" } = members(site, SITE);
    this.#site = { realm: realmOf(realm), domain: domainOf(domain), ...addressForm(mailbox, delimiter) };
    this.#masterKey = keyOf(masterKey);
    this.#handlers = handlersOf(handlers);
  }

  /** An address by which a user can answer one thing; the header fields that a notification needs with it. */
  mint(handlerName, order) {
    const given = members(order, ORDER);
    const handler = handlerNamed(this.#handlers, handlerName);
    const user = whole(given.user, "the user id", USER_LIMIT);
    const now = secondsOf(given.at);
    const key = userKey(this.#masterKey, this.#site.realm, user);
    const bound = boundId(handler, given, now, this.#site.domain);
    const context = handler.context === "thread" ? threadContext(key, bound) : integer(handler, given);
    const issued = issuedMinutes(now);
    if (issued === null) throw new MintError("tokens can be issued between 2025-01-01 and the year 2088");
    const fields = { handler: BigInt(handler.id), issued: BigInt(issued), context, sender: senderOf(key, given.to) };
    const glob = writeGlob(key, this.#site.length, user, keyNumber(fields));
    const messageId = `<${bound ?? idForNumber(handler, context, given, now, this.#site.domain)}>`;
    return minted(`${this.#site.prefix}${glob}@${this.#site.domain}`, messageId, { handler, issued, user, context });
  }
}

function minted(address, messageId, { handler, issued, user, context }) {
  return Object.freeze({
    address,
    messageId,
    issued: issuedAt(issued),
    expires: expiresAt(issued, handler.validityDays),
    user: Number(user),
    context: String(context),
    headers: Object.freeze({
      "Reply-To": address,
      "Message-ID": messageId,
      References: messageId,
      "Auto-Submitted": "auto-generated",
    }),
  });
}

function secondsOf(at = Math.floor(Date.now() / 1000)) {
  if (Number.isSafeInteger(at)) return at;
  throw new MintError("at must be a whole number of Unix seconds: Math.floor(Date.now() / 1000)");
}

/** The Message-ID that a thread handler binds, without angle brackets; null for a handler of numbers. */
function boundId(handler, { context, messageId, locator, unique }, now, domain) {
  const given = [context, messageId, locator].filter((one) => one !== undefined);
  if (given.length > 1) throw new MintError("give one of context, messageId and locator: each says what is answered");
  if (handler.context === "integer") {
    if (context === undefined) throw new MintError(`the handler ${handler.name} takes a number: give it a context`);
    return null;
  }
  if (!given.length || context !== undefined) {
    throw new MintError(`the handler ${handler.name} binds a thread: give it a messageId or a locator`);
  }
  return messageId === undefined ? writtenId(locatorOf(locator), now, unique, domain) : mintable(messageId);
}

const integer = (handler, { context }) => whole(context, `the context of the handler ${handler.name}`, CONTEXT_LIMIT);

/** It binds nothing, but mail programs thread by it. */
function idForNumber(handler, context, { unique }, now, domain) {
  const locator = `${handler.name}/${context}`; // a handler's name may begin with a dot
  return writtenId(isLocator(locator) ? locator : `${handler.id}/${context}`, now, unique, domain);
}

function writtenId(locator, now, unique = randomBytes(UNIQUE_OCTETS).toString("hex"), domain) {
  if (typeof unique === "string" && /^[A-Za-z0-9]{1,64}$/.test(unique)) return `${locator}/${now}.${unique}@${domain}`;
  throw new MintError("unique must be 1 to 64 of A-Za-z0-9");
}

/** The tag of the notification's recipient; 0 if there is none, or none that can be bound. */
function senderOf(key, to) {
  if (to === undefined || to === "") return 0n;
  const isQuoted = isText(to) && /^"(?:[^"\\\r\n]|\\.)*"@[^\s<>]+$/.test(to);
  if (!isText(to) || (!isQuoted && (!to.includes("@") || /[<>\s]/.test(to)))) {
    throw new MintError("to must be a bare address: local@domain");
  }
  const normalised = normalise(to);
  return normalised === null ? 0n : senderTag(key, normalised);
}
