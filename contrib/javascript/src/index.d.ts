/** What an application needs to be answered by mail. `README.md` has an example for each. */
import type { IncomingMessage, ServerResponse } from "node:http";

/** The request can't be minted; the message says what to give instead. */
export class MintError extends Error {}
/** A key file can't be used. The message names the line, and never a secret. */
export class KeyFileError extends Error {}
/** A webhook request can't be trusted, or can't be read. */
export class WebhookError extends Error {
  constructor(status: number, message: string);
  /** What to answer. */
  readonly status: number;
}
/** Throw this from a receiver's function if the application will never take this reply: it becomes a dead letter. */
export class Refusal extends Error {}

/** A whole number. Beyond 2^53 a number of JavaScript is not exact: give a BigInt or decimal text. */
export type Whole = number | bigint | string;

/** What sign mode is asked for. `locator` or `context`; neither if the notification has a Message-ID of its own. */
export interface MintRequest {
  /** The name of a `[[handler]]`. */
  handler: string;
  /** Your user's number, 0 to 2^40-1: the answer comes in this user's name. */
  user: Whole;
  /** What the user answers, as a path: for handlers with `context = "thread"`. */
  locator?: string;
  /** What the user answers, as a number below 2^55: for handlers with `context = "integer"`. */
  context?: Whole;
  /** Your application's secret, if the operator gave it one. */
  key?: string;
}
export const MINT_FIELD: "X-Reply-Mint";
/** The value of the field X-Reply-Mint for one notification to one recipient. Throws a MintError. */
export function mintRequest(request: MintRequest): string;

/** What is known of a reply. Only `user` says who answers: the sender may have written anything into From. */
export interface Reply {
  /** 26 characters of a-z2-7. The idempotency key: store it with the post, under a unique constraint. */
  readonly id: string;
  readonly user: number;
  readonly handler: string;
  /** Decimal, up to 2^55-1: text, because it exceeds 2^53. */
  readonly context: string;
  readonly thread: "match" | "mismatch" | "absent" | "none" | null;
  readonly locator: string | null;
  /** Unix seconds. */
  readonly repliedTo: number | null;
  readonly sender: "match" | "mismatch" | "unknown" | null;
  readonly auth: "pass" | "fail" | "none" | null;
  readonly reason: string;
  readonly replay: "first" | "retry" | "duplicate" | "replayed" | "unknown" | null;
  /** Unix seconds. */
  readonly issued: number;
  readonly expires: number;
  /** By which road it came to an application that is wrapped; null for all others. */
  readonly class: "wrapped" | "native" | "open" | "bounce" | null;
}

/** A reply that the delivery hook posted. */
export interface WebhookReply extends Reply {
  /** What the author wrote, without quotation and signature. */
  readonly text: string;
  /** What was odd about the message. */
  readonly flaws: readonly string[];
  /** The whole object, of the shape of Postmark's inbound webhook. */
  readonly payload: Readonly<Record<string, unknown>>;
}

export interface WebhookRequest {
  /** Of a request of Node.js, or of fetch. */
  headers: Headers | Readonly<Record<string, string | string[] | undefined>>;
  /** The body as it came, before any parser. */
  body: Uint8Array | string;
}
export interface WebhookOptions {
  /** Unix seconds, in place of the current time. */
  now?: number;
}
/** Check who has sent a request, and when; returns the id of the reply. Throws a WebhookError. */
export function checkWebhook(request: WebhookRequest, secret: string, options?: WebhookOptions): string;
/** The reply of a request in the format "json", checked. Throws a WebhookError. */
export function openWebhook(request: WebhookRequest, secret: string, options?: WebhookOptions): WebhookReply;

export interface ReceiverOptions {
  /** The longest body, in octets; a longer one is answered 413. 64 MiB. */
  maxBytes?: number;
  /** Gets what `take` throws. console.error. */
  onError?: (error: unknown) => void;
  /** The current time in Unix seconds, for tests. */
  now?: () => number;
}
/**
 * A listener for node:http and a handler for Express. `take` stores the reply under its id, and does nothing if the id is
 * there already. The answer is 204, or 422 after a Refusal (never again), or 500 after any other error (again later).
 */
export function receiver(
  secret: string,
  take: (reply: WebhookReply) => unknown,
  options?: ReceiverOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export type Tags = Readonly<Record<string, string>>;
/** What to do with a message that came from the milter. */
export type Fate =
  /** "pass": post it. "park": keep it, and ask the user on file. */
  | { readonly outcome: "pass" | "park"; readonly reply: Reply; readonly tags: Tags }
  /** Keep it, post nothing, and answer 250; alert somebody if `isAlarming`. */
  | {
      readonly outcome: "unverified";
      readonly why: "seal_missing" | "seal_doubled" | "seal_broken" | "observed" | "no_token" | "unknown_result";
      readonly isAlarming: boolean;
      readonly tags: Tags;
    };
export const VERDICT_FIELD: "X-Reply-Verdict";
/** Open the verdict on a message, given as octets. `sealKeys`: as readSealKeys returns them. */
export function openVerdict(message: Uint8Array, sealKeys: readonly Key[]): Fate;

/** 32 octets, or their 64 hex digits. */
export type Key = Uint8Array | string;
/** Of the text of keys.toml: the key that mints, and all that verify, oldest first. Throws a KeyFileError. */
export function readMasterKeys(text: string): { readonly active: Buffer; readonly live: Buffer[] };
/** The keys in the text of seal.key. Throws a KeyFileError. */
export function readSealKeys(text: string): Buffer[];

/** A `[[handler]]` of reply-milter.toml. */
export interface Handler {
  id: number;
  context?: "thread" | "integer";
  validityDays?: number;
}
export interface Site {
  realm: string;
  /** By name. */
  handlers: Readonly<Record<string, Handler>>;
  mailbox?: string;
  delimiter?: "+" | "-";
}
/** Who may answer what: one of `context`, `messageId` and `locator`. */
export interface Order {
  user: Whole;
  context?: Whole;
  /** Of the notification, with or without angle brackets. */
  messageId?: string;
  locator?: string;
  /** The address that the notification is sent to: a reply from another one is a mismatch. */
  to?: string;
  /** Unix seconds, in place of the current time. */
  at?: number;
  /** Letters and digits that make a new Message-ID unlike all others; random. */
  unique?: string;
}
export interface Minted {
  readonly address: string;
  /** With angle brackets. Send the notification with it: the answer must name it. */
  readonly messageId: string;
  /** Unix seconds. */
  readonly issued: number;
  readonly expires: number;
  readonly user: number;
  readonly context: string;
  /** What the notification's header needs. */
  readonly headers: Readonly<Record<"Reply-To" | "Message-ID" | "References" | "Auto-Submitted", string>>;
}
/** Mints in the application, which then holds the master key. Sign mode leaves it with the mail server. */
export class Minter {
  /** Throws a MintError. */
  constructor(site: Site & { masterKey: Key; domain: string });
  /** Throws a MintError: no such handler, a number out of range, a malformed id, locator or address. */
  mint(handler: string, order: Order): Minted;
}

export type Opened =
  | { readonly outcome: "forged" }
  | {
      readonly outcome: "valid" | "expired";
      readonly tokenId: string;
      readonly user: number;
      readonly handler: string;
      readonly context: string;
      readonly issued: number;
      readonly expires: number;
      /** Whether it holds a tag of the address that the notification was sent to. */
      readonly isBound: boolean;
      /** Whether it answers the notification of this Message-ID, which has no angle brackets. */
      answers(messageId: string): boolean;
    };
/** Reads reply addresses without a milter. It knows no revocation and no replay. */
export class Reader {
  /** `masterKeys`: oldest first. Throws a MintError. */
  constructor(site: Site & { masterKeys: readonly Key[]; domains: readonly string[] });
  /** `address`: of the envelope, never of a header field. */
  open(address: string, options?: { now?: number }): Opened;
}

/** Locator and replied-to of a Message-ID of the recommended form, without angle brackets; null for any other. */
export function parseMessageId(id: string): { readonly locator: string; readonly repliedTo: number } | null;
