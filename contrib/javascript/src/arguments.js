/** What callers give: own members alone, each of its form, and no misspelt name. */
import { MintError } from "./errors.js";

export const USER_LIMIT = 2n ** 40n;
export const CONTEXT_LIMIT = 2n ** 55n;

const HANDLER = /^[a-z0-9._-]{1,32}$/;
const LOCATOR = /^[A-Za-z0-9_~-](?:[A-Za-z0-9._~-]*[A-Za-z0-9_~-])?(?:\/[A-Za-z0-9_~-](?:[A-Za-z0-9._~-]*[A-Za-z0-9_~-])?)*$/;
const LOCATOR_OCTETS = 200;

/** The own members of `given`, in an object without a prototype: nothing comes out of a polluted Object.prototype. */
export function members(given, names, Failure = MintError) {
  if (typeof given !== "object" || given === null) throw new Failure(`give an object with ${names.join(", ")}`);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Failure(`${JSON.stringify(unknown)} is not known here: give ${names.join(", ")}`);
  const own = names.filter((name) => Object.hasOwn(given, name));
  return Object.assign(Object.create(null), Object.fromEntries(own.map((name) => [name, given[name]])));
}

/** A whole number below `limit`, as a BigInt. Takes a number that is exact, a BigInt, and decimal text. */
export function whole(value, what, limit) {
  const isNumber = typeof value === "number";
  if (isNumber && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    throw new MintError(`${what} beyond 2^53 must be a BigInt or decimal text: a number of JavaScript would be rounded`);
  }
  const isWhole = isNumber || typeof value === "bigint" || typeof value === "string";
  if (!isWhole || !/^[0-9]{1,20}$/.test(value) || BigInt(value) >= limit) {
    throw new MintError(`${what} must be a whole number from 0 to ${limit - 1n}`);
  }
  return BigInt(value);
}

/** The name of a handler. */
export function handlerName(value) {
  if (isHandlerName(value)) return value;
  throw new MintError("a handler has a name of 1 to 32 of a-z0-9._-");
}

export const isHandlerName = (value) => typeof value === "string" && HANDLER.test(value);

/** A locator: the path of what is answered. */
export function locatorOf(value) {
  if (isLocator(value)) return value;
  throw new MintError("a locator is made of segments of A-Za-z0-9._~- joined by /, at most 200 characters");
}

/** Whether `value` may be the LOCATOR of a Message-ID: token-format.md section 6. */
export function isLocator(value) {
  const isShort = typeof value === "string" && value.length <= LOCATOR_OCTETS;
  return isShort && !value.includes("..") && LOCATOR.test(value);
}
