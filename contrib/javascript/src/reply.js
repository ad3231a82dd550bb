/** What is known of a reply, from a verdict's tags or from a webhook's JSON: one shape for both. */

const TIME = /^[0-9]{1,11}$/;
const FORMS = {
  id: /^[a-z2-7]{26}$/,
  handler: /^[a-z0-9._-]{1,32}$/,
  user: /^[0-9]{1,13}$/,
  context: /^[0-9]{1,17}$/,
  issued: TIME,
  expires: TIME,
  replied_to: /^[0-9]{1,12}$/,
  class: /^(?:wrapped|native|open|bounce)$/,
  original: /^[A-Za-z0-9_-]{23,5500}$/,
};
const NEEDED = ["id", "handler", "user", "context", "issued", "expires"];

/** Whether all that is needed is there. */
export const isComplete = (told) => NEEDED.every((name) => told.has(name));

/** Whether each value has the form in which the milter writes it: a holder of a seal key can seal anything. */
export const isSound = (told) => Object.entries(FORMS).every(([name, form]) => !told.has(name) || form.test(told.get(name)));

/** The reply of which `told`, a Map of texts, tells. It must be complete and sound. */
export function replyOf(told) {
  const number = (name) => (told.has(name) ? Number(told.get(name)) : null);
  const text = (name) => told.get(name) ?? null;
  return {
    id: told.get("id"),
    user: number("user"),
    handler: told.get("handler"),
    context: told.get("context"),
    thread: text("thread"),
    locator: text("locator"),
    repliedTo: number("replied_to"),
    sender: text("sender"),
    auth: text("auth"),
    reason: text("reason") ?? "ok",
    replay: text("replay"),
    issued: number("issued"),
    expires: number("expires"),
    class: text("class"),
  };
}
