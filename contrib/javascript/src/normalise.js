/** The one form of a recipient's address that sender tags are computed over: token-format.md section 7. */
import { domainToASCII } from "node:url";
import { isText } from "./encoding.js";

const ADDRESS_OCTETS = 320;
const DOMAIN_OCTETS = 253;
const LABEL_OCTETS = 63;
const LOCAL = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const VISIBLE = /^[!-?A-~]+$/;
const LAST_STOP = /[.\u3002\uff0e\uff61]$/;

/** The normalised form of a bare address; null if the address has none, and must stay unbound. */
export function normalise(address) {
  if (!isText(address) || Buffer.byteLength(address) > ADDRESS_OCTETS) return null;
  const at = address.lastIndexOf("@");
  const [local, domain] = [address.slice(0, at), address.slice(at + 1)];
  if (at < 1 || !LOCAL.test(local) || domain.startsWith("[")) return null;
  const name = toAscii(domain);
  const plus = local.indexOf("+", 1);
  return name && `${plus > 0 ? local.slice(0, plus) : local}@${name}`.toLowerCase();
}

/** A domain as lower-case A-labels, without its trailing dot; null if it has none. */
export function toAscii(domain) {
  const name = domain.replace(LAST_STOP, "");
  if (Buffer.byteLength(name) > DOMAIN_OCTETS) return null;
  const mapped = /^[\x00-\x7f]*$/.test(name) ? name.toLowerCase() : mappedByUts46(name);
  const isSound = mapped.length <= DOMAIN_OCTETS && VISIBLE.test(mapped) && !mapped.endsWith(".");
  return isSound ? mapped : null;
}

/**
 * UTS 46 by the URL parser of Node.js, kept from its own habits: it reads no further than / ? # : and \, decodes %, and
 * takes a last label of digits for an IPv4 address. Its tables may be older than Unicode 15.1. Empty for a refusal.
 */
function mappedByUts46(name) {
  if (/[\x00-,/:-@[-^`{-\x7f]/.test(name)) return "";
  const mapped = domainToASCII(`${name.replaceAll("\u1e9e", "\u00df")}.x`);
  if (!mapped.endsWith(".x") || mapped.split(".").some((label) => label.length > LABEL_OCTETS)) return "";
  return mapped.slice(0, -2);
}
