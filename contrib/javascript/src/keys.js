/** The key files: keys.toml as `reply-milter keys` writes it, and seal.key. Give their text. */
import { KeyFileError } from "./errors.js";

const HEX = /^[0-9a-fA-F]{64}$/;
const SETTING = /^[ \t]*([a-z_]+)[ \t]*=[ \t]*(?:"([A-Za-z0-9._-]*)"|([0-9]{1,12}))[ \t]*(?:#.*)?$/;
const STATES = ["active", "verify", "retired"];

/** Of keys.toml: `active`, the master key that mints, and `live`, all that verify, oldest first. */
export function readMasterKeys(text) {
  const keys = tables(linesOf(text)).map(masterKey);
  const active = keys.filter((key) => key.state === "active");
  if (active.length !== 1) throw new KeyFileError('exactly one [[key]] must have state = "active": it mints');
  if (new Set(keys.map((key) => key.id)).size < keys.length) throw new KeyFileError("two keys bear the same id");
  const live = keys.filter((key) => key.state !== "retired").map((key) => key.secret);
  return Object.freeze({ active: active[0].secret, live });
}

/** The keys of seal.key, in order: the first seals, all open. */
export function readSealKeys(text) {
  const lines = linesOf(text).map((line, index) => [line.trim(), index + 1]);
  const keys = lines.filter(([line]) => line && !line.startsWith("#"));
  const broken = keys.find(([line]) => !HEX.test(line));
  if (broken) throw new KeyFileError(`line ${broken[1]}: must be 64 hex digits`);
  if (!keys.length) throw new KeyFileError("there is no key: 64 hex digits on a line are needed");
  return keys.map(([line]) => Buffer.from(line, "hex"));
}

function linesOf(text) {
  if (typeof text !== "string") throw new KeyFileError('give the text of the file: readFileSync(path, "utf8")');
  return text.split(/\r?\n/);
}

function tables(lines) {
  const found = [];
  lines.forEach((line, index) => {
    if (/^[ \t]*(?:#.*)?$/.test(line)) return;
    if (/^[ \t]*\[\[key\]\][ \t]*(?:#.*)?$/.test(line)) found.push({ line: index + 1, settings: new Map() });
    else addSetting(found.at(-1), SETTING.exec(line), index + 1);
  });
  return found;
}

function addSetting(table, setting, line) {
  if (!table || !setting || table.settings.has(setting[1])) {
    throw new KeyFileError(`line ${line}: is not as \`reply-milter keys\` writes it: [[key]], and below it id, state, secret`);
  }
  table.settings.set(setting[1], setting[2] ?? setting[3]);
}

function masterKey({ line, settings }) {
  const [id, state, secret] = ["id", "state", "secret"].map((name) => settings.get(name));
  if (!id || !STATES.includes(state) || !HEX.test(secret ?? "")) {
    throw new KeyFileError(`line ${line}: this [[key]] needs an id, a state of ${STATES.join(", ")}, and 64 hex digits as secret`);
  }
  return { id, state, secret: Buffer.from(secret, "hex") };
}
