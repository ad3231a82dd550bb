/** Message-IDs of notifications: token-format.md section 6. */
import { isLocator } from "./arguments.js";
import { isText } from "./encoding.js";
import { MintError } from "./errors.js";

const LONGEST = 900; // octets: it must fit a line behind References
const BLANK_OR_BRACKET = /[<>\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
const OWN = /^(.+)\/([1-9][0-9]{0,11})(?:\.[A-Za-z0-9]+)?@([^@/]+)$/s;

/** Whether an address may be minted for this id, which has no angle brackets: a reply must be able to name it. */
export function isMintable(id) {
  return isText(id) && id.includes("@") && Buffer.byteLength(id) <= LONGEST && !BLANK_OR_BRACKET.test(id);
}

/** The id of a Message-ID that an application gives, without its angle brackets. */
export function mintable(given) {
  const inner = typeof given === "string" ? /^<(.*)>$/s.exec(given) : null;
  const id = inner ? inner[1] : given;
  if (isMintable(id)) return id;
  throw new MintError("a Message-ID looks like <left@right>, in at most 900 octets without white space");
}

/** Locator and replied-to of an id of the recommended form; null for any other. */
export function parseMessageId(id) {
  const found = id.length <= 998 ? OWN.exec(id) : null;
  if (!found || !isLocator(found[1])) return null;
  return Object.freeze({ locator: found[1], repliedTo: Number(found[2]) });
}
