/** Header and body of a message, octet by octet: verdict-header.md section 3.1. */

const [LF, CR, TAB, SPACE] = [10, 13, 9, 32];
const HEADER_OCTETS = 2 ** 20; // no milter of ours seals a quarter of it

/** The values of all fields of one name, in lower case, and the body. Values have a character for each octet. */
export function split(message, name) {
  const header = { values: [], wanted: false, begun: false };
  let position = endOfMboxLines(message);
  while (position < message.length) {
    const end = endOfLine(message, position);
    if (isEmpty(message, position, end)) return { values: header.values, body: message.subarray(end) };
    const isBody = end > HEADER_OCTETS || !taken(header, message, position, end, name);
    if (isBody) return { values: header.values, body: message.subarray(position) };
    position = end;
  }
  return { values: header.values, body: message.subarray(message.length) };
}

/** Take one line into the header; false if it is neither a field nor the continuation of one. */
function taken(header, message, start, end, name) {
  if (message[start] === SPACE || message[start] === TAB) {
    if (header.begun && header.wanted) header.values.push(header.values.pop() + message.toString("latin1", start, end));
    return header.begun;
  }
  const colon = message.subarray(start, end).indexOf(":");
  const fieldName = colon < 0 ? "" : nameOf(message, start, start + colon);
  if (!fieldName) return false;
  header.begun = true;
  header.wanted = fieldName === name;
  if (header.wanted) header.values.push(message.toString("latin1", start + colon + 1, end));
  return true;
}

/** A field's name in lower case; empty if it is none. */
function nameOf(message, start, end) {
  let last = end;
  while (last > start && (message[last - 1] === SPACE || message[last - 1] === TAB)) last -= 1;
  for (let at = start; at < last; at += 1) if (message[at] < 33 || message[at] > 126) return "";
  return message.toString("latin1", start, last).toLowerCase();
}

function endOfMboxLines(message) {
  let position = 0;
  while (isMboxLine(message, position)) position = endOfLine(message, position);
  return position;
}

function isMboxLine(message, start) {
  let at = start;
  while (message[at] === 62) at += 1; // >
  return message.toString("latin1", at, at + 5).toLowerCase() === "from ";
}

function endOfLine(message, start) {
  return message.indexOf(LF, start) + 1 || message.length;
}

function isEmpty(message, start, end) {
  let at = start;
  while (at < end && message[at] === CR) at += 1;
  return at === end || (at === end - 1 && message[at] === LF);
}
