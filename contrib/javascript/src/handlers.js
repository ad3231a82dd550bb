/** What replies are for: the [[handler]] tables of reply-milter.toml, as an object by name. */
import { handlerName, members } from "./arguments.js";
import { MintError } from "./errors.js";
import { HANDLER_LIMIT } from "./token.js";

const LONGEST_DAYS = 36500;

/** Handlers by name, each `{ name, id, context, validityDays }`. */
export function handlersOf(given) {
  if (typeof given !== "object" || given === null) throw new MintError("give the handlers as an object, by name");
  const handlers = new Map(Object.keys(given).map((name) => [handlerName(name), handlerOf(name, given[name])]));
  const numbers = new Set([...handlers.values()].map((handler) => handler.id));
  if (numbers.size < handlers.size) throw new MintError("two handlers have the same id");
  return handlers;
}

function handlerOf(name, given) {
  const { id, context = "thread", validityDays = 90 } = members(given, ["id", "context", "validityDays"]);
  if (!Number.isInteger(id) || id < 0 || id >= HANDLER_LIMIT) {
    throw new MintError(`the id of the handler ${name} must be a whole number from 0 to ${HANDLER_LIMIT - 1}`);
  }
  if (context !== "thread" && context !== "integer") {
    throw new MintError(`the context of the handler ${name} must be "thread" or "integer"`);
  }
  if (!Number.isInteger(validityDays) || validityDays < 1 || validityDays > LONGEST_DAYS) {
    throw new MintError(`the validityDays of the handler ${name} must be a whole number from 1 to ${LONGEST_DAYS}`);
  }
  return { name, id, context, validityDays };
}

/** The handler of that name. */
export function handlerNamed(handlers, name) {
  const found = handlers.get(name);
  if (found) return found;
  throw new MintError(`there is no handler ${JSON.stringify(name)}; there are: ${[...handlers.keys()].join(", ")}`);
}
