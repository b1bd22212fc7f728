import { isUpdateError } from "../platform/errors.ts";
import { parseAddress } from "../settings/address.ts";
import { quoted, usageError } from "./flag-words.ts";

/** Where to listen: `HOST:PORT`, IPv6 in brackets; 0 is any port that is free. Fails with `E_USAGE`. */
export function readListenAddress(text: string): { host: string; port: number } {
  // Asked for as an address to connect to, port 0 is none.
  const isAny = text.endsWith(":0");
  const { host, port } = parsed(isAny ? text.slice(0, -2) : text);
  if (isAny === (port === undefined)) return { host, port: port ?? 0 };
  throw wrong(text);
}

function parsed(text: string): ReturnType<typeof parseAddress> {
  try {
    if (text.includes("/")) throw wrong(text);
    return parseAddress(text);
  } catch (error) {
    throw isUpdateError(error, "E_PROXY_ADDRESS") ? wrong(text) : error;
  }
}

function wrong(text: string): Error {
  return usageError(
    `flag \`--listen\` must be \`HOST:PORT\`, like \`0.0.0.0:8443\` or \`[::]:8443\`, not ${quoted(text)}`,
  );
}
