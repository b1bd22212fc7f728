import type { SocketGet } from "../socket-get.ts";
import { formatCurlConfig } from "./curl-config.ts";
import { plainOptions } from "./curl-options.ts";
import { readReply } from "./curl-reply.ts";
import { startCurl } from "./curl-transfer.ts";
import { PROGRAM_ENVIRONMENT } from "./host-program.ts";

/** There is nothing to encrypt, and the self-tests of a module would make each look at a service cost 100 ms. */
const WITHOUT_MODULE = { ...PROGRAM_ENVIRONMENT, OPENSSL_CONF: "/dev/null" };

/** By the host's `curl`: without TLS, but then the runtime's own client need not be there. */
export const getFromSocket: SocketGet = async (socket, path, limit, signal) => {
  const config = formatCurlConfig([["unix-socket", socket], ...plainOptions(new URL(`http://debug${path}`))]);
  const transfer = startCurl(config, [], signal, WITHOUT_MODULE);
  try {
    const { status, body } = await readReply(transfer);
    const parts: Uint8Array[] = [];
    let length = 0;
    for (let part = await body?.read(); part?.value !== undefined; part = await body?.read()) {
      length += part.value.length;
      if (length > limit) throw new Error(`the answer is larger than ${limit} bytes`);
      parts.push(part.value);
    }
    return { status, text: Buffer.concat(parts).toString() };
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    transfer.end();
  }
};
