import type { Reply } from "../http-exchange.ts";
import { readHead } from "./answer-head.ts";
import type { CurlTransfer } from "./curl-transfer.ts";

const WITHOUT_BODY = [204, 304];

/** The answer that a run of curl brings, its head first. Rejects, as does its body, with a code that `explainHttpError` knows. */
export async function readReply(transfer: CurlTransfer): Promise<Reply> {
  let received = Buffer.of();
  let head = readHead(received);
  while (head === undefined) {
    const { value } = await transfer.read();
    if (value === undefined) throw Object.assign(new Error("no head came"), { code: "Malformed_HTTP_Response" });
    received = Buffer.concat([received, value]);
    head = readHead(received);
  }
  const { status, headers } = head;
  if (WITHOUT_BODY.includes(status)) {
    transfer.end();
    return { status, headers, body: null };
  }
  let first: Buffer | undefined = head.rest.length === 0 ? undefined : head.rest;
  const read = async () => {
    if (first === undefined) return transfer.read();
    const value = first;
    first = undefined;
    return { done: false, value };
  };
  return { status, headers, body: { read, cancel: async () => transfer.end() } };
}
