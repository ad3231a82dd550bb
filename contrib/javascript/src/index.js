/** What an application needs to be answered by mail, in the order in which most come to need it. */
export { KeyFileError, MintError, Refusal, WebhookError } from "./errors.js";
export { MINT_FIELD, mintRequest } from "./mint-request.js";
export { checkWebhook, openWebhook } from "./webhook.js";
export { receiver } from "./receiver.js";
export { VERDICT_FIELD, openVerdict } from "./verdict.js";
export { readMasterKeys, readSealKeys } from "./keys.js";
export { Minter } from "./minter.js";
export { Reader } from "./reader.js";
export { parseMessageId } from "./message-id.js";
