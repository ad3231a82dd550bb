/** For an application's own tests: requests and messages as the milter and its hook make them, without either. */
import type { Key, Reply } from "./index.js";

/** Random, new in each process. */
export const WEBHOOK_SECRET: string;
export const SEAL_KEY: Buffer;
export const MASTER_KEY: Buffer;

/** What a test says of a reply; the rest has a usual value. */
export type Told = Partial<Omit<Reply, "class" | "issued" | "expires">>;
export function newId(): string;
export interface SignedRequest {
  headers: Record<string, string>;
  body: Buffer;
}
export function webhookRequest(options?: {
  reply?: Told;
  text?: string;
  secret?: string;
  /** When it is signed, in Unix seconds. */
  at?: number;
  /** Further members of the JSON. */
  payload?: Record<string, unknown>;
}): SignedRequest;
export function signature(secret: string, id: string, body: Uint8Array | string, at?: number): Record<string, string>;
export function sealedMessage(options?: {
  reply?: Told;
  result?: "pass" | "park";
  text?: string;
  sealKey?: Key;
  /** Further tags. */
  tags?: Record<string, string>;
}): Buffer;
