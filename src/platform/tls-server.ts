import { createServer, type Server } from "node:https";

/** A server of the runtime that shows a certificate, both in PEM form. Fails with `E_FIPS` where TLS is not for us. */
export function createTlsServer(pair: { cert: string; key: string }): Server {
  return createServer(pair);
}
