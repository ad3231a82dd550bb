/** X-Reply-Mint: the one header field by which an application asks sign mode for a reply address. */
import { CONTEXT_LIMIT, USER_LIMIT, handlerName, locatorOf, members, whole } from "./arguments.js";
import { MintError } from "./errors.js";

/** The name of the field. */
export const MINT_FIELD = "X-Reply-Mint";

const NAMES = ["handler", "user", "locator", "context", "key"];
const KEY = /^[!#-&(-:<-[\]-~]{16,128}$/;

/**
 * The value of the field for one notification to one recipient. It is plain ASCII in one line: nothing that a caller
 * gives gets into the header unchecked.
 */
export function mintRequest(request) {
  const given = members(request, NAMES);
  if (given.locator !== undefined && given.context !== undefined) {
    throw new MintError("give locator or context, not both: each says what is answered");
  }
  const tags = [`handler=${handlerName(given.handler)}`, `user=${whole(given.user, "the user id", USER_LIMIT)}`];
  if (given.locator !== undefined) tags.push(`locator=${locatorOf(given.locator)}`);
  if (given.context !== undefined) tags.push(`context=${whole(given.context, "a context", CONTEXT_LIMIT)}`);
  if (given.key !== undefined) tags.push(`key=${secret(given.key)}`);
  return tags.join("; ");
}

function secret(key) {
  if (typeof key === "string" && KEY.test(key)) return key;
  throw new MintError("the key is the one line of the application's secret_file: 16 to 128 visible ASCII characters");
}
