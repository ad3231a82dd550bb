/** The request can't be minted; the message says what to give instead. */
export class MintError extends Error {
  name = "MintError";
}

/** A key file can't be used. The message names the line, and never a secret. */
export class KeyFileError extends Error {
  name = "KeyFileError";
}

/** A webhook request can't be trusted, or can't be read. `status`: what to answer. */
export class WebhookError extends Error {
  name = "WebhookError";

  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Throw this from a receiver's function if the application will never take this reply: it becomes a dead letter. */
export class Refusal extends Error {
  name = "Refusal";
}
