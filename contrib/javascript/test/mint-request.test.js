import assert from "node:assert/strict";
import test from "node:test";
import { MINT_FIELD, MintError, mintRequest } from "../src/index.js";

const KEY = "0123456789abcdef";

test("the value is what docs/notifications.md shows", () => {
  assert.equal(MINT_FIELD, "X-Reply-Mint");
  const value = mintRequest({ handler: "issue", user: 42, locator: "shop/orders/issue/2351" });
  assert.equal(value, "handler=issue; user=42; locator=shop/orders/issue/2351");
  const number = mintRequest({ handler: "issue", user: "0", context: 2n ** 55n - 1n, key: KEY });
  assert.equal(number, `handler=issue; user=0; context=36028797018963967; key=${KEY}`);
  assert.equal(mintRequest({ handler: "issue", user: 2 ** 40 - 1 }), "handler=issue; user=1099511627775");
});

const WRONG = {
  "no handler": { user: 42 },
  "a handler with a line end": { handler: "issue\r\nBcc: x", user: 42 },
  "a handler with a trailing line end": { handler: "issue\n", user: 42 },
  "a handler with another tag": { handler: "issue; user=1", user: 42 },
  "no user": { handler: "issue" },
  "a user that is negative": { handler: "issue", user: -1 },
  "a user beyond 40 bits": { handler: "issue", user: 2 ** 40 },
  "a user that is no whole number": { handler: "issue", user: 4.2 },
  "NaN": { handler: "issue", user: NaN },
  "a user in hex": { handler: "issue", user: "0x2a" },
  "a user with a space": { handler: "issue", user: " 42" },
  "a user of full-width digits": { handler: "issue", user: "\uff14\uff12" },
  "a user as an array": { handler: "issue", user: [42] },
  "true as a user": { handler: "issue", user: true },
  "locator and context": { handler: "issue", user: 42, locator: "a", context: 1 },
  "an empty locator": { handler: "issue", user: 42, locator: "" },
  "a locator with two slashes": { handler: "issue", user: 42, locator: "a//b" },
  "a locator with two dots": { handler: "issue", user: 42, locator: "a..b" },
  "a locator with a semicolon": { handler: "issue", user: 42, locator: "a;user=1" },
  "a locator with a line end": { handler: "issue", user: 42, locator: "a\n" },
  "a locator that is too long": { handler: "issue", user: 42, locator: "a".repeat(201) },
  "a context beyond 55 bits": { handler: "issue", user: 42, context: 2n ** 55n },
  "a context that was rounded": { handler: "issue", user: 42, context: 2 ** 53 + 1 },
  "a short key": { handler: "issue", user: 42, key: "short" },
  "a key with a semicolon": { handler: "issue", user: 42, key: `${KEY};user=1` },
  "an empty key": { handler: "issue", user: 42, key: "" },
  "a misspelt member": { handler: "issue", user: 42, contxt: 1 },
  "null": null,
  "text": "handler=issue; user=42",
};

for (const [name, request] of Object.entries(WRONG)) {
  test(`${name} is refused`, () => assert.throws(() => mintRequest(request), MintError));
}

test("errors do not show a key", () => {
  assert.throws(() => mintRequest({ handler: "issue", user: 42, key: "se;cret" }), (error) => !error.message.includes("se;cret"));
});

test("nothing is taken out of a polluted prototype", () => {
  Object.prototype.key = "0123456789abcdef-polluted";
  Object.prototype.locator = "a/b";
  try {
    assert.equal(mintRequest({ handler: "issue", user: 42 }), "handler=issue; user=42");
  } finally {
    delete Object.prototype.key;
    delete Object.prototype.locator;
  }
});
