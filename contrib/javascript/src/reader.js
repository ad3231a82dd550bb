/** Reply addresses read without a milter: token-format.md section 9. */
import { addressForm, domainOf, keyOf, realmOf } from "./address-form.js";
import { members } from "./arguments.js";
import { asciiLower, equal, isText } from "./encoding.js";
import { MintError } from "./errors.js";
import { handlersOf } from "./handlers.js";
import { checksum, expiresAt, issuedAt, lifetime, parseGlob, threadContext, tokenId, userKey } from "./token.js";

const SITE = ["realm", "masterKeys", "domains", "handlers", "mailbox", "delimiter"];
const FORGED = Object.freeze({ outcome: "forged" });

/** Reads addresses of one realm. `masterKeys`: all live ones, oldest first, as keys.toml has them. */
export class Reader {
  #site;
  #masterKeys;
  #handlers;

  constructor(site) {
    const { realm, masterKeys, domains, handlers, mailbox = "reply", delimiter = "+" } = members(site, SITE);
    if (!Array.isArray(masterKeys) || !masterKeys.length) throw new MintError("masterKeys must be a list of live keys");
    if (!Array.isArray(domains) || !domains.length) throw new MintError("domains must be a list of domains");
    this.#site = { realm: realmOf(realm), domains: domains.map(domainOf), ...addressForm(mailbox, delimiter) };
    this.#masterKeys = masterKeys.map(keyOf).reverse();
    this.#handlers = new Map([...handlersOf(handlers).values()].map((handler) => [handler.id, handler]));
  }

  /** What an envelope recipient says. All that is not genuine is "forged", and says nothing more. */
  open(address, { now = Math.floor(Date.now() / 1000) } = {}) {
    const token = this.#token(address);
    const key = token && this.#verified(token);
    const handler = key && this.#handlers.get(token.handler);
    const state = handler && lifetime(token.issued, handler.validityDays, now);
    return state === "valid" || state === "expired" ? opened(state, token, key, handler) : FORGED;
  }

  #token(address) {
    if (!isText(address)) return null;
    const { prefix, length, domains } = this.#site;
    const at = address.lastIndexOf("@");
    const [start, text] = [address.slice(0, prefix.length), address.slice(prefix.length, at)];
    const isOurs = at >= prefix.length && asciiLower(start) === prefix && domains.includes(asciiLower(address.slice(at + 1)));
    return isOurs ? parseGlob(text, length) : null;
  }

  /** The user key that made the checksum. All live keys are tried, also behind the one that fits. */
  #verified(token) {
    const keys = this.#masterKeys.map((masterKey) => userKey(masterKey, this.#site.realm, token.user));
    const fits = keys.map((key) => equal(checksum(key, this.#site.length, token.user, token.number), token.checksum));
    return fits.includes(true) ? keys[fits.indexOf(true)] : null;
  }
}

function opened(outcome, token, key, handler) {
  return Object.freeze({
    outcome,
    tokenId: tokenId(key, token.glob),
    user: Number(token.user),
    handler: handler.name,
    context: String(token.context),
    issued: issuedAt(token.issued),
    expires: expiresAt(token.issued, handler.validityDays),
    isBound: token.sender !== 0,
    /** Whether the notification of this Message-ID, without angle brackets, is the one that the address answers. */
    answers: (messageId) => handler.context === "thread" && threadContext(key, messageId) === token.context,
  });
}
